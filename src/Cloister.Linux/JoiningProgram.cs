using System.Globalization;

namespace Cloister.Linux;

/// <summary>A process of this user's, nobody's child here, that waits to be seized: one that <see cref="Become"/> made of itself.</summary>
/// <param name="Id">Its process id.</param>
/// <param name="Inherited">The descriptor that it waits for.</param>
/// <param name="Command">Sends it a byte there.</param>
public sealed unsafe record JoiningProgram(int Id, int Inherited, Action Command) : IStartingProgram
{
    /// <summary>The exit status of one whose descriptor is at its end before it was seized.</summary>
    public const int Abandoned = 69;

    /// <inheritdoc/>
    public void StopItself() => Command();

    /// <inheritdoc/>
    public void Kill()
    {
        if (!HostKernel.IsTraced(Id))
        {
            return; // it ends with its descriptor
        }

        _ = HostKernel.Kill(Id, Signal.SIGKILL);
        while (Ptrace.Wait(Id, block: true, out WaitStatus status) > 0 && status.Stopped)
        {
            // A stop that was under way; the end follows. One that is not traced is not waited for.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>Whether a process has become one that waits.</summary>
    public static bool Waits(int process)
    {
        try
        {
            return File.ResolveLinkTarget(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/exe"),
                false)?.FullName.StartsWith("/memfd:" + StartingImage.Name, StringComparison.Ordinal) is true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Makes this process one that waits for a descriptor, to be seized by a tracer that is not its parent.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <param name="tracer">Whom Yama is to let trace it. prctl(2), PR_SET_PTRACER; Linux, Documentation/admin-guide/LSM/Yama.rst.</param>
    /// <returns>Why it cannot be; where it can, this does not return.</returns>
    public static Errno Become(int descriptor, int tracer)
    {
        const long fcntl = 72, setFlags = 2, prctl = 157, setPtracer = 0x59616d61;
        int file = StartingImage.ToMemory(descriptor, out Errno error);
        if (file < 0)
        {
            return error;
        }

        if (NativeMethods.SystemCall(fcntl, descriptor, setFlags, 0, 0, 0, 0) < 0)
        {
            return NativeMethods.LastError;
        }

        _ = NativeMethods.SystemCall(prctl, setPtracer, tracer, 0, 0, 0, 0); // where there is no Yama, EINVAL
        return ProgramReplacement.Execute(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file}"), [[.. "cloister"u8]], []);
    }
}
