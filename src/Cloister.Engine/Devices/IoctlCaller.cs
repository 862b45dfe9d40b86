using System.Diagnostics;
using System.Text;
using Cloister.Driver;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Devices;

/// <summary>The thread that makes an ioctl, as the driver sees it.</summary>
internal sealed class IoctlCaller(DeviceFiles files, TracedThread thread) : ICaller
{
    private static readonly long _betweenLooks = Stopwatch.Frequency / 1000;
    private long? _looked;
    private bool _signalPending;
    private MapsLine? _line, _asksExecute;
    private bool _mayExecute;

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
                (_looked, _signalPending) = (now, HostKernel.SignalPending(thread.Id));
            }

            return _signalPending;
        }
    }

    /// <inheritdoc/>
    public bool CopyFromUser(ulong source, Span<byte> destination)
    {
        bool read = thread.Space.Memory.TryRead(source, destination);
        if (read && !thread.Space.Planted.IsEmpty)
        {
            // A page that is measured has no INT3 that a debugger put where it comes from.
            thread.Space.Planted.Restore(destination, source);
        }

        return read;
    }

    /// <inheritdoc/>
    public bool CopyToUser(ulong destination, ReadOnlySpan<byte> source) => thread.Space.Memory.TryWrite(destination, source);

    /// <inheritdoc/>
    public bool SourceIsMapped(ulong address) => FindLine(address) is not null;

    /// <inheritdoc/>
    public bool SourceMayExecute(ulong address)
    {
        // VM_MAYEXEC: anything but a file on a noexec mount. /proc/PID/maps names the file.
        MapsLine? line = FindLine(address);
        if (ReferenceEquals(line, _asksExecute))
        {
            return _mayExecute;
        }

        string? path = line is { Path: ['/', ..] file } ? file : null;
        (_asksExecute, _mayExecute) = (line, path is null || !MountOptions(path).Contains("noexec"));
        return _mayExecute;
    }

    /// <inheritdoc/>
    public bool IsProvisionFile(int descriptor) => files.Find(thread, descriptor) is { Node: DeviceNode.Provision };

    // find_vma: the first mapping that ends above the address. The last answer is kept, for pages come in order.
    private MapsLine? FindLine(ulong address)
    {
        if (_line is null || address < _line.Start || address >= _line.End)
        {
            _line = HeldMappings.Of(thread).Find(line => address < line.End);
        }

        return _line;
    }

    private string[] MountOptions(string path)
    {
        string[] options = [];
        int longest = -1;
        byte[]? mounts = Dumpable.Reach(thread, () => HostFile.TryRead(ProcPath.Of(thread.Id, "mountinfo")));
        foreach (string line in Encoding.UTF8.GetString(mounts ?? []).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] fields = line.Split(' ');
            string point = fields[4];
            bool under = path.StartsWith(point, StringComparison.Ordinal)
                && (point == "/" || path.Length == point.Length || path[point.Length] == '/');
            if (under && point.Length >= longest)
            {
                (longest, options) = (point.Length, fields[5].Split(','));
            }
        }

        return options;
    }
}
