using System.Diagnostics;
using System.Globalization;
using Cloister.Driver;

namespace Cloister.Engine;

/// <summary>The thread that makes an ioctl, as the driver sees it.</summary>
internal sealed class IoctlCaller(Tracer tracer, TracedThread thread) : ICaller
{
    private static readonly long _betweenLooks = Stopwatch.Frequency / 1000;
    private long? _looked;
    private bool _signalPending;
    private string? _line, _asksExecute;
    private bool _mayExecute;
    private ulong _lineStart;
    private ulong _lineEnd;

    /// <inheritdoc/>
    public IAddressSpace AddressSpace => thread.Space;

    /// <inheritdoc/>
    public bool SignalPending
    {
        get
        {
            // A driver that works page by page asks at each; the answer is read from /proc, which takes as long as adding three pages.
            long now = Stopwatch.GetTimestamp();
            if (_looked is not { } looked || now - looked >= _betweenLooks)
            {
                (_looked, _signalPending) = (now, Linux.HostKernel.SignalPending(thread.Id));
            }

            return _signalPending;
        }
    }

    /// <inheritdoc/>
    public bool CopyFromUser(ulong source, Span<byte> destination) => thread.Space.Memory.TryRead(source, destination);

    /// <inheritdoc/>
    public bool CopyToUser(ulong destination, ReadOnlySpan<byte> source) => thread.Space.Memory.TryWrite(destination, source);

    /// <inheritdoc/>
    public bool SourceIsMapped(ulong address) => FindLine(address) is not null;

    /// <inheritdoc/>
    public bool SourceMayExecute(ulong address)
    {
        // VM_MAYEXEC: anything but a file on a noexec mount. /proc/PID/maps names the file.
        string? line = FindLine(address);
        if (ReferenceEquals(line, _asksExecute))
        {
            return _mayExecute;
        }

        string? path = line?.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries) is { Length: 6 } parts && parts[5].StartsWith('/') ? parts[5] : null;
        (_asksExecute, _mayExecute) = (line, path is null || !MountOptions(path).Contains("noexec"));
        return _mayExecute;
    }

    /// <inheritdoc/>
    public bool IsProvisionFile(int descriptor) => tracer.Files.Find(thread, descriptor) is { Node: DeviceNode.Provision };

    // find_vma: the first mapping that ends above the address. The last answer is kept, for pages come in order.
    private string? FindLine(ulong address)
    {
        if (_line is not null && address >= _lineStart && address < _lineEnd)
        {
            return _line;
        }

        foreach (string line in ReadProc("maps"))
        {
            int dash = line.IndexOf('-', StringComparison.Ordinal);
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            ulong end = ulong.Parse(line.AsSpan(dash + 1, space - dash - 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (address < end)
            {
                ulong start = ulong.Parse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                (_line, _lineStart, _lineEnd) = (line, Math.Min(start, address), end);
                return line;
            }
        }

        return null;
    }

    // A process that was killed in the middle of an ioctl has no such files any more, and nobody sees the answer.
    private string[] ReadProc(string name)
    {
        try
        {
            return File.ReadAllLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{thread.Process.Id}/{name}"));
        }
        catch (IOException)
        {
            return [];
        }
    }

    private string[] MountOptions(string path)
    {
        string[] options = [];
        int longest = -1;
        foreach (string line in ReadProc("mountinfo"))
        {
            string[] fields = line.Split(' ');
            string point = fields[4];
            bool under = path.StartsWith(point, StringComparison.Ordinal) && (point == "/" || path.Length == point.Length || path[point.Length] == '/');
            if (under && point.Length >= longest)
            {
                (longest, options) = (point.Length, fields[5].Split(','));
            }
        }

        return options;
    }
}
