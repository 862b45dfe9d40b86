using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>A descriptor in the table of a stopped thread.</summary>
internal static class ProgramDescriptor
{
    /// <summary>Copies it into this process.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="descriptor">Its number there.</param>
    /// <param name="isSameFile">Whether it is the same open file; otherwise its file was opened once more.</param>
    /// <returns>The number here, or minus an errno.</returns>
    public static int Take(IHeldThread thread, int descriptor, out bool isSameFile)
    {
        bool same = false;
        int? taken = Dumpable.Reach<int?>(thread, () => ForeignDescriptor.Take(thread.Id, descriptor, out same) is var number
            && number is -(int)Errno.EPERM or -(int)Errno.EACCES ? null : number);
        isSameFile = same;
        return taken ?? -(int)Errno.EPERM;
    }

    /// <summary>Makes system calls that give a descriptor which the program is not to keep, when its table is full as well.</summary>
    /// <returns>Minus EMFILE when nothing helps.</returns>
    public static long Make(IHeldThread thread, RemoteCalls calls)
    {
        long made = calls.Run(thread)[0];
        if (made != -(long)Errno.EMFILE || ResourceLimit.Of(thread.Id, ResourceLimit.OpenFiles) is not { } limit)
        {
            return made;
        }

        // Room for one more, up to its hard limit or, with CAP_SYS_RESOURCE, beyond it.
        const ulong room = 64;
        if ((limit with { Soft = limit.Soft + room, Hard = Math.Max(limit.Hard, limit.Soft + room) }).Apply(thread.Id))
        {
            made = calls.Run(thread)[0];
            _ = limit.Apply(thread.Id);
        }

        return made;
    }
}
