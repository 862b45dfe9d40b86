using System.Buffers.Binary;
using Cloister.Linux;

namespace Cloister.Cli.Kernel;

/// <summary>A file to be loaded as a shared object: what the dynamic loader does not look at, and would wait for or die of.</summary>
internal static class SharedObjectFile
{
    // System V ABI, "ELF Header" and "Program Header", 64 bits: ET_DYN, EM_X86_64, PT_LOAD.
    private const int HeaderSize = 64, SegmentSize = 56, Dynamic = 3, X8664 = 62, Load = 1;

    /// <summary>What is wrong with it, in words; null when nothing is.</summary>
    public static string? Problem(string path)
    {
        // The loader would wait for who writes into a pipe.
        if (FileStatus.TryGet(path, out FileStatus status) == Errno.None && !status.IsRegular)
        {
            return "is not an ordinary file";
        }

        try
        {
            using FileStream file = File.OpenRead(path);
            return Problem(file);
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            return $"cannot be read: {FileProblem.Of(path, e)}";
        }
    }

    private static string? Problem(FileStream file)
    {
        byte[] header = new byte[HeaderSize];
        if (file.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false) < HeaderSize
            || !header.AsSpan().StartsWith("\u007fELF\u0002\u0001"u8)
            || BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(16)) != Dynamic
            || BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(18)) != X8664)
        {
            return "is no shared object";
        }

        // What is behind the file's end is a SIGBUS to the loader.
        ulong length = (ulong)file.Length, start = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(32));
        byte[] segments = new byte[BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(56)) * SegmentSize];
        if (!IsWithin(start, (ulong)segments.Length, length))
        {
            return "is cut off";
        }

        file.Position = (long)start;
        file.ReadExactly(segments);
        for (int at = 0; at < segments.Length; at += SegmentSize)
        {
            ReadOnlySpan<byte> segment = segments.AsSpan(at);
            if (BinaryPrimitives.ReadUInt32LittleEndian(segment) == Load
                && !IsWithin(BinaryPrimitives.ReadUInt64LittleEndian(segment[8..]),
                    BinaryPrimitives.ReadUInt64LittleEndian(segment[32..]), length))
            {
                return "is cut off";
            }
        }

        return null;
    }

    private static bool IsWithin(ulong start, ulong size, ulong length) => start <= length && size <= length - start;
}
