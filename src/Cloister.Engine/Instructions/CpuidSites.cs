using Iced.Intel;

namespace Cloister.Engine.Instructions;

/// <summary>Finds CPUID (0f a2) at instruction boundaries in code.</summary>
internal static class CpuidSites
{
    private const int LongestInstruction = 16, ZerosCountNear = 32;

    private static ReadOnlySpan<byte> Cpuid => [0x0f, 0xa2];

    /// <summary>Whether the bytes of CPUID are anywhere in it, be they an instruction or not.</summary>
    public static bool MayHave(ReadOnlySpan<byte> code) => code.IndexOf(Cpuid) >= 0;

    /// <summary>Offsets in <paramref name="code"/> at which a CPUID instruction begins.</summary>
    /// <param name="code">Machine code.</param>
    /// <param name="fileOffset">File offset of its first byte, to place <paramref name="functions"/>.</param>
    /// <param name="functions">Sorted file offsets of functions, or empty when unknown.</param>
    public static List<int> Find(ReadOnlySpan<byte> code, long fileOffset, long[] functions)
    {
        var sites = new List<int>();
        int boundary = 0;
        for (int at = 0; at < code.Length - 1;)
        {
            int found = code[at..].IndexOf(Cpuid);
            if (found < 0)
            {
                break;
            }

            at += found;
            bool? certain = IsInFunction(code, at, fileOffset, functions, boundary);
            if (certain ?? IsInstruction(code, at))
            {
                sites.Add(at);
                boundary = certain is null ? boundary : at;
            }

            at += 2;
        }

        return sites;
    }

    // Whether an instruction begins there, when the start of its function tells; one is known to begin at the boundary before it.
    private static bool? IsInFunction(ReadOnlySpan<byte> code, int at, long fileOffset, long[] functions, int boundary)
    {
        int index = functions.AsSpan().BinarySearch(fileOffset + at);
        index = index < 0 ? ~index - 1 : index;
        return index >= 0 && functions[index] >= fileOffset && fileOffset + at - functions[index] < 1 << 20
            ? Reaches(code, Math.Max((int)(functions[index] - fileOffset), boundary), at)
            : null;
    }

    /// <summary>Whether an instruction begins at an offset in code of which no function is known.</summary>
    public static bool IsInstruction(ReadOnlySpan<byte> code, int at)
    {
        // Decode from many places before it. Wrong starts fall into step within a few instructions,
        // so nearly all agree on a true boundary.
        const int window = 96;
        int votes = 0, voters = 0, streams = 0;
        int first = Math.Max(0, at - window);
        for (int start = first; start <= at - 16 || start == first; start++, streams++)
        {
            if (Reaches(code, start, at) is { } reached)
            {
                voters++;
                votes += reached ? 1 : 0;
            }
        }

        // In data most streams run into bytes that are no instruction, and so do those that go on behind it.
        return at == 0 || (voters * 2 >= streams && votes * 4 >= voters * 3 && GoesOn(code, at));
    }

    // Whether what follows is code: valid and ordinary instructions up to a return or jump.
    private static bool GoesOn(ReadOnlySpan<byte> code, int at)
    {
        const int most = 12, longest = 15;
        ReadOnlySpan<byte> rest = code.Slice(at, Math.Min(code.Length - at, most * longest));
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(rest.ToArray()), (ulong)at);
        for (int i = 0; i < most && decoder.IP < (ulong)(at + rest.Length - longest); i++)
        {
            decoder.Decode(out Instruction instruction);
            if (instruction.IsInvalid || instruction.IsPrivileged || IsZeros(code, instruction))
            {
                return false;
            }

            if (instruction.FlowControl is FlowControl.Return or FlowControl.UnconditionalBranch or FlowControl.IndirectBranch)
            {
                break;
            }
        }

        return true;
    }

    // 00 00 is ADD [RAX], AL to a decoder and a part of a number or the end of a text to everybody else.
    private static bool IsZeros(ReadOnlySpan<byte> code, in Instruction instruction)
    {
        int at = (int)instruction.IP;
        return instruction.Length == 2 && at + 1 < code.Length && code[at] == 0 && code[at + 1] == 0;
    }

    // Null when the stream runs into bytes that are no instruction.
    private static bool? Reaches(ReadOnlySpan<byte> code, int start, int at)
    {
        while (start < at)
        {
            int length = InstructionLength.Of(code[start..Math.Min(code.Length, at + LongestInstruction)]);
            if (length == 0)
            {
                return ReachesByDecoder(code, start, at);
            }

            if (at - start < ZerosCountNear && length == 2 && code[start] == 0 && code[start + 1] == 0)
            {
                return null;
            }

            start += length;
        }

        return start == at;
    }

    private static bool? ReachesByDecoder(ReadOnlySpan<byte> code, int start, int at)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code[start..Math.Min(code.Length, at + LongestInstruction)].ToArray()),
            (ulong)start);
        while (decoder.IP < (ulong)at)
        {
            decoder.Decode(out Instruction instruction);
            if (instruction.IsInvalid || (at - (int)instruction.IP < ZerosCountNear && IsZeros(code, instruction)))
            {
                return null;
            }
        }

        return decoder.IP == (ulong)at;
    }
}
