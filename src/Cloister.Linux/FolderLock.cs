using System.Diagnostics;

namespace Cloister.Linux;

/// <summary>
/// A folder that this process alone changes for a while, as far as others ask as well. flock(2): it goes with the process.
/// </summary>
public sealed class FolderLock : IDisposable
{
    private readonly int _descriptor;

    private FolderLock(int descriptor) => _descriptor = descriptor;

    /// <summary>Takes it, and waits for it, but not for ever: whoever may read the folder can hold it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="patience">How long.</param>
    /// <param name="error">Why it cannot; <see cref="Errno.EAGAIN"/> when somebody has kept it.</param>
    public static FolderLock? TryTake(string folder, TimeSpan patience, out Errno error)
    {
        const long exclusive = 2, atOnce = 4; // LOCK_EX, LOCK_NB
        const int pause = 1;
        long began = Stopwatch.GetTimestamp();
        int descriptor = NativeMethods.Open(folder, FileFlags.CloseOnExec, 0);
        if (descriptor < 0)
        {
            error = NativeMethods.LastError;
            return null;
        }

        while (NativeMethods.SystemCall(SystemCall.Flock, descriptor, exclusive | atOnce, 0, 0, 0, 0) < 0)
        {
            error = NativeMethods.LastError;
            if (error is not (Errno.EINTR or Errno.EAGAIN) || Stopwatch.GetElapsedTime(began) > patience)
            {
                HostKernel.Close(descriptor);
                return null;
            }

            Thread.Sleep(pause);
        }

        error = Errno.None;
        return new FolderLock(descriptor);
    }

    /// <inheritdoc/>
    public void Dispose() => HostKernel.Close(_descriptor);
}
