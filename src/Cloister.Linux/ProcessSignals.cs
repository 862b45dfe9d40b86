namespace Cloister.Linux;

/// <summary>Which signals another process ignores and catches, read again and again.</summary>
/// <remarks>
/// /proc/PID/stat takes a fifth of what /proc/PID/status does. Its fields are 31 bits, which is what it has of signals below 32.
/// proc_pid_stat(5).
/// </remarks>
public sealed unsafe class ProcessSignals : IDisposable
{
    private readonly int _file;

    /// <summary>Opens what the kernel tells of a process.</summary>
    public ProcessSignals(int process)
    {
        _file = NativeMethods.Open(ProcPath.Of(process, "stat"), FileFlags.CloseOnExec, 0);
    }

    /// <summary>Reads both sets; bit n-1 is signal n. False when there is nothing to read.</summary>
    public bool TryRead(out uint ignored, out uint caught)
    {
        const int longest = 1024, ignoredField = 33, firstBehindName = 3;
        byte* buffer = stackalloc byte[longest];
        int length = (int)NativeMethods.Pread(_file, buffer, longest, 0);
        var text = new ReadOnlySpan<byte>(buffer, Math.Max(0, length));

        // The name stands in parentheses and may hold anything.
        int field = firstBehindName, at = text.LastIndexOf((byte)')') + 2;
        for (; field < ignoredField && at < text.Length; at++)
        {
            field += text[at] == (byte)' ' ? 1 : 0;
        }

        ignored = Number(text, ref at);
        at++;
        caught = Number(text, ref at);
        return at < text.Length;
    }

    private static uint Number(ReadOnlySpan<byte> text, ref int at)
    {
        uint value = 0;
        for (; at < text.Length && text[at] is >= (byte)'0' and <= (byte)'9'; at++)
        {
            value = value * 10 + text[at] - '0';
        }

        return value;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_file >= 0)
        {
            _ = NativeMethods.Close(_file);
        }
    }
}
