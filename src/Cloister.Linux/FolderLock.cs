namespace Cloister.Linux;

/// <summary>A folder that this process alone changes for a while, as far as others ask as well. flock(2): it goes with the process.</summary>
public sealed class FolderLock : IDisposable
{
    private readonly int _descriptor;

    private FolderLock(int descriptor) => _descriptor = descriptor;

    /// <summary>Takes it, and waits for it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="error">Why it cannot.</param>
    public static FolderLock? TryTake(string folder, out Errno error)
    {
        const long exclusive = 2;
        int descriptor = NativeMethods.Open(folder, FileFlags.CloseOnExec, 0);
        if (descriptor < 0)
        {
            error = NativeMethods.LastError;
            return null;
        }

        while (NativeMethods.SystemCall(SystemCall.Flock, descriptor, exclusive, 0, 0, 0, 0) < 0)
        {
            error = NativeMethods.LastError;
            if (error != Errno.EINTR)
            {
                HostKernel.Close(descriptor);
                return null;
            }
        }

        error = Errno.None;
        return new FolderLock(descriptor);
    }

    /// <inheritdoc/>
    public void Dispose() => HostKernel.Close(_descriptor);
}
