using System.Collections.Concurrent;
using Cloister.Linux;

namespace Cloister.Engine.Instructions;

/// <summary>Whether a file of code speaks of SGX: by a device's name, by the vDSO's function, or by CPUID of leaf 12H. May be used by any
/// thread.</summary>
/// <remarks>What uses an enclave has to open the device, and what only asks whether there could be one asks CPUID: the name or the number
/// stands in a program or in one of its libraries. A file is read once as long as it is not written to.</remarks>
internal sealed class SgxMentions
{
    private const int Chunk = 1 << 20, Overlap = 64, CpuidWithin = 48, LongestLine = 256;
    private readonly ConcurrentDictionary<FileIdentity, (bool Mentions, string? Interpreter)> _known = new();

    /// <summary>Looks at a file.</summary>
    /// <param name="path">Where this process finds it.</param>
    /// <param name="interpreter">What executes it, where it is a script.</param>
    /// <returns>False also where it cannot be read, or is no file.</returns>
    public bool Of(string path, out string? interpreter)
    {
        const uint kind = 0xf000, regular = 0x8000; // S_IFMT, S_IFREG
        interpreter = null;
        if (!HostKernel.TryStat(path, out _, out _, out uint mode) || (mode & kind) != regular
            || !FileIdentity.TryGet(path, out FileIdentity file))
        {
            return false;
        }

        if (!_known.TryGetValue(file, out (bool Mentions, string? Interpreter) known))
        {
            _known[file] = known = Read(path);
        }

        interpreter = known.Interpreter;
        return known.Mentions;
    }

    /// <summary>Whether bytes of code speak of SGX.</summary>
    public static bool IsIn(ReadOnlySpan<byte> code)
    {
        if (code.IndexOf("/dev/sgx"u8) >= 0 || code.IndexOf("/dev/isgx"u8) >= 0 || code.IndexOf("sgx_enter_enclave"u8) >= 0)
        {
            return true;
        }

        for (int at = 0, found; (found = code[at..].IndexOf<byte>([0x0f, 0xa2])) >= 0; at += 2)
        {
            at += found;

            // MOV EAX, 12H a little before CPUID.
            if (code[Math.Max(0, at - CpuidWithin)..at].IndexOf<byte>([0xb8, 0x12, 0, 0, 0]) >= 0)
            {
                return true;
            }
        }

        return false;
    }

    private static (bool Mentions, string? Interpreter) Read(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            byte[] buffer = new byte[(int)Math.Min(Chunk, Math.Max(file.Length, 1))];
            int kept = 0;
            bool isElf = false;
            for (int got; (got = file.Read(buffer.AsSpan(kept))) > 0;)
            {
                ReadOnlySpan<byte> there = buffer.AsSpan(0, kept + got);
                if (kept == 0 && there.StartsWith("#!"u8))
                {
                    return (false, InterpreterOf(there));
                }

                if (!isElf && !there.StartsWith("\u007fELF"u8))
                {
                    break;
                }

                isElf = true;
                if (IsIn(there))
                {
                    return (true, null);
                }

                kept = Math.Min(Overlap, there.Length);
                there[^kept..].CopyTo(buffer);
                if (kept == buffer.Length)
                {
                    break;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It may be executed and not read.
        }

        return (false, null);
    }

    // execve(2), "Interpreter scripts".
    private static string? InterpreterOf(ReadOnlySpan<byte> script)
    {
        ReadOnlySpan<byte> line = script[2..Math.Min(script.Length, LongestLine)];
        line = line[..(line.IndexOf((byte)'\n') is var end and >= 0 ? end : line.Length)].Trim(" \t"u8);
        line = line[..(line.IndexOfAny((byte)' ', (byte)'\t') is var blank and >= 0 ? blank : line.Length)];
        return line.IsEmpty ? null : System.Text.Encoding.UTF8.GetString(line);
    }
}
