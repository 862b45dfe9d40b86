using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Cloister.Linux;
using Microsoft.Win32.SafeHandles;

namespace Cloister.Cli.Debugging;

/// <summary>
/// The files that gdb reads through its target: programs, libraries, what /proc says. Nobody writes. gdb manual, "Host I/O Packets".
/// </summary>
internal sealed class RemoteFiles : IDisposable
{
    private const int MostOpen = 64, MostBytes = 0xff00;

    // Numbers of the protocol's own. gdb manual, "Errno Values".
    private const int NoPermission = 1, NoEntry = 2, BadDescriptor = 9, NoAccess = 13, Invalid = 22, TooMany = 23;
    private readonly Dictionary<int, SafeFileHandle> _open = [];
    private int _next = 3;

    /// <summary>Does what a vFile packet asks for.</summary>
    /// <param name="request">What follows its prefix.</param>
    public byte[] Do(string request)
    {
        (string verb, string rest) = Split(request, ':');
        string[] words = rest.Split(',');
        return verb switch
        {
            "setfs" => Result(0),
            "open" when words.Length == 3 && RemoteText.Text(words[0]) is { } path && RemoteText.Number(words[1]) is { } flags =>
                Open(path, flags),
            "close" when words.Length == 1 && Handle(words[0]) is { } file => Close(file),
            "pread" when words.Length == 3 && Handle(words[0]) is { } file && RemoteText.Number(words[1]) is { } count
                && RemoteText.Number(words[2]) is { } offset => Read(file, count, offset),
            "fstat" when words.Length == 1 && Handle(words[0]) is { } file => Stat(file),
            "readlink" when RemoteText.Text(rest) is { } path => Link(path),
            "open" or "readlink" => Error(Invalid),
            "close" or "pread" or "fstat" => Error(BadDescriptor),
            "pwrite" or "unlink" => Error(NoPermission),
            _ => [],
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SafeFileHandle file in _open.Values)
        {
            file.Dispose();
        }

        _open.Clear();
    }

    private byte[] Open(string path, ulong flags)
    {
        if (flags != 0)
        {
            return Error(NoPermission);
        }

        if (_open.Count >= MostOpen)
        {
            return Error(TooMany);
        }

        try
        {
            // A device or a pipe may wait for ever, and does something when it is opened.
            const uint typeMask = 0xf000, regular = 0x8000;
            if (!path.StartsWith('/') || !HostKernel.TryStat(path, out _, out _, out uint mode) || (mode & typeMask) != regular)
            {
                return Error(NoEntry);
            }

            _open.Add(_next, File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
            return Result(_next++);
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            return Error(NoEntry);
        }
        catch (UnauthorizedAccessException)
        {
            return Error(NoAccess);
        }
    }

    private int? Handle(string text) => RemoteText.Number(text) is { } number and <= int.MaxValue && _open.ContainsKey((int)number)
        ? (int)number : null;

    private byte[] Close(int file)
    {
        _ = _open.Remove(file, out SafeFileHandle? handle);
        handle!.Dispose();
        return Result(0);
    }

    private byte[] Read(int file, ulong count, ulong offset)
    {
        byte[] bytes = new byte[Math.Min(count, MostBytes)];
        try
        {
            int read = RandomAccess.Read(_open[file], bytes, (long)offset);
            return [.. Result(read), (byte)';', .. bytes.AsSpan(0, read)];
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException or NotSupportedException)
        {
            return Error(Invalid);
        }
    }

    // struct stat of the protocol: thirteen fields, big-endian. gdb manual, "struct stat".
    private byte[] Stat(int file)
    {
        byte[] stat = new byte[64];
        _ = HostKernel.TryStat((int)_open[file].DangerousGetHandle(), out ulong device, out ulong inode);
        BinaryPrimitives.WriteUInt32BigEndian(stat, (uint)device);
        BinaryPrimitives.WriteUInt32BigEndian(stat.AsSpan(4), (uint)inode);
        const uint regularReadable = 0x8000 + 0x124;
        BinaryPrimitives.WriteUInt32BigEndian(stat.AsSpan(8), regularReadable);
        BinaryPrimitives.WriteUInt32BigEndian(stat.AsSpan(12), 1);
        BinaryPrimitives.WriteInt64BigEndian(stat.AsSpan(28), RandomAccess.GetLength(_open[file]));
        BinaryPrimitives.WriteInt64BigEndian(stat.AsSpan(36), 4096);
        return [.. Result(stat.Length), (byte)';', .. stat];
    }

    private static byte[] Link(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget is { } target
                ? [.. Result(Encoding.UTF8.GetByteCount(target)), (byte)';', .. Encoding.UTF8.GetBytes(target)] : Error(Invalid);
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException or NotSupportedException)
        {
            return Error(NoEntry);
        }
    }

    private static byte[] Result(int value) => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"F{value:x}"));

    private static byte[] Error(int number) => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"F-1,{number:x}"));

    private static (string First, string Others) Split(string text, char at) =>
        text.IndexOf(at, StringComparison.Ordinal) is >= 0 and var index ? (text[..index], text[(index + 1)..]) : (text, "");
}
