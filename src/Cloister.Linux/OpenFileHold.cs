namespace Cloister.Linux;

/// <summary>
/// A lock that an open file has as long as anything refers to it: a descriptor in any process or on its way in a socket, or a mapping.
/// </summary>
/// <remarks>flock(2) locks belong to the open file, not to a process or a number; the kernel drops them when the last reference goes
/// (fs/locks.c, locks_remove_file). Another open of the same file then sees that it is gone.</remarks>
public static class OpenFileHold
{
    private const long Flock = 73, Shared = 1, Exclusive = 2, NonBlocking = 4, Unlock = 8;

    /// <summary>The arguments of flock(2) that take the lock, for a program that has to do it itself.</summary>
    public static (long Number, ulong Operation) Call => (Flock, (ulong)(Shared | NonBlocking));

    /// <summary>Takes it for the open file behind a descriptor.</summary>
    public static Errno Take(int descriptor) =>
        NativeMethods.SystemCall(Flock, descriptor, Shared | NonBlocking, 0, 0, 0, 0) < 0 ? NativeMethods.LastError : Errno.None;

    /// <summary>Whether another open file has it, asked through an open file of its own.</summary>
    public static bool IsTaken(int descriptor)
    {
        if (NativeMethods.SystemCall(Flock, descriptor, Exclusive | NonBlocking, 0, 0, 0, 0) < 0)
        {
            return true;
        }

        _ = NativeMethods.SystemCall(Flock, descriptor, Unlock, 0, 0, 0, 0);
        return false;
    }
}
