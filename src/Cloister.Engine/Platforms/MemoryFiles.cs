using System.Text;
using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>Memory files (memfd) that a program is made to create, and this process shares with it.</summary>
internal static class MemoryFiles
{
    private const ulong CloseOnExec = 1, AllowSealing = 2;

    // With it every read and write by position ends in EINVAL, the answer of a device without these operations.
    // fs/read_write.c, rw_verify_area.
    private const long LastPosition = long.MaxValue;

    /// <summary>Makes one in a thread's program.</summary>
    /// <param name="thread">Whose table gets the descriptor.</param>
    /// <param name="name">What it is for, as /proc/PID/maps will show it.</param>
    /// <param name="closeOnExec">Whether exec closes it.</param>
    /// <returns>The program's descriptor, or minus an errno.</returns>
    public static long Make(IHeldThread thread, string name, bool closeOnExec) =>
        new RemoteCalls().WithData(Encoding.ASCII.GetBytes($"cloister:{name}\0"))
            .Add(SystemCall.MemfdCreate, RemoteCalls.DataAddress, AllowSealing | (closeOnExec ? CloseOnExec : 0)).Run(thread)[0];

    /// <summary>Copies the descriptor of one that was just made.</summary>
    /// <returns>The number here, or minus an errno: EBADF when the program's number means something else by now,
    /// which nobody may touch.</returns>
    public static int Take(IHeldThread thread, int descriptor) => Take(thread, descriptor, out _);

    /// <summary>Takes one away from the program again that could not be had, unless its number means something else by now.</summary>
    /// <param name="thread">Whose table has the descriptor.</param>
    /// <param name="descriptor">The program's descriptor, or minus an errno: there is none then.</param>
    /// <param name="error">Why it could not.</param>
    public static void GiveBack(IHeldThread thread, long descriptor, Errno error)
    {
        if (descriptor >= 0 && error != Errno.EBADF)
        {
            _ = new RemoteCalls().Add(SystemCall.Close, (ulong)descriptor).Run(thread);
        }
    }

    /// <summary>Does something, and gives up what would be nobody's if a thread ended meanwhile.</summary>
    public static T Keep<T>(Action giveUp, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (ThreadEndedException)
        {
            giveUp();
            throw;
        }
    }

    /// <summary>Copies the descriptor of one that is to be a device node's open file.</summary>
    /// <remarks>This process has an open file of its own, so that the program's, which holds a lock, can be seen to go.</remarks>
    /// <returns>As <see cref="Take(IHeldThread, int)"/>.</returns>
    public static int TakeNode(IHeldThread thread, int descriptor)
    {
        int taken = Take(thread, descriptor, out bool isSameFile);
        if (taken < 0)
        {
            return taken;
        }

        if (!isSameFile)
        {
            (long flock, ulong operation) = OpenFileHold.Call;
            _ = Keep(() => HostKernel.Close(taken), () => new RemoteCalls().Add(flock, (ulong)descriptor, operation)
                .Add(SystemCall.Lseek, (ulong)descriptor, LastPosition, 0).Run(thread));
            return taken;
        }

        int own = HostKernel.OpenAgain(taken);
        if (own >= 0)
        {
            _ = OpenFileHold.Take(taken);
            HostKernel.Seek(taken, LastPosition);
        }

        HostKernel.Close(taken);
        if (own >= 0 && !DescriptorReserve.Allows(own))
        {
            HostKernel.Close(own);
            return -(int)Errno.EMFILE;
        }

        return own;
    }

    private static int Take(IHeldThread thread, int descriptor, out bool isSameFile)
    {
        int taken = ProgramDescriptor.Take(thread, descriptor, out isSameFile);
        if (taken >= 0 && !MappedFile.IsNew(taken))
        {
            HostKernel.Close(taken);
            return -(int)Errno.EBADF;
        }

        return taken;
    }
}
