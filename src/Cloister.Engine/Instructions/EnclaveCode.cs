namespace Cloister.Engine.Instructions;

/// <summary>Instructions that are illegal in an enclave and that a processor without SGX executes all the same.</summary>
internal static class EnclaveCode
{
    // Two bytes each, and no operand: CPUID, SYSCALL, SYSENTER, POP FS, POP GS; RDTSC. Then with three bytes RDTSCP,
    // and VMCALL and VMMCALL, which a hypervisor may answer to user code as well.
    private static readonly byte[] AlwaysIllegal = [0xa2, 0x05, 0x34, 0xa1, 0xa9];

    private const byte Rdtsc = 0x31;

    /// <summary>First byte of all of them.</summary>
    public const byte EscapeByte = 0x0f;

    /// <summary>Second byte of UD2, which begins as they do.</summary>
    public const byte Ud2SecondByte = 0x0b;

    /// <summary>Offsets at which such an instruction begins.</summary>
    /// <param name="code">A page, or more.</param>
    /// <param name="length">Where to begin to look no more: what follows tells only how the last ones end.</param>
    /// <param name="timestampsAllowed">RDTSC and RDTSCP are legal where there is SGX2. SDM 3D, "RDTSC and RDTSCP".</param>
    public static List<int> Find(ReadOnlySpan<byte> code, int length, bool timestampsAllowed)
    {
        var sites = new List<int>();
        for (int at = 0; at < length; at++)
        {
            int next = code[at..length].IndexOf(EscapeByte);
            if (next < 0 || (at += next) >= code.Length - 1)
            {
                break;
            }

            if (IsIllegal(code[at..], timestampsAllowed) && CpuidSites.IsInstruction(code, at))
            {
                sites.Add(at);
            }
        }

        return sites;
    }

    /// <summary>Whether one of them begins here.</summary>
    public static bool IsIllegal(ReadOnlySpan<byte> code, bool timestampsAllowed) =>
        code is [EscapeByte, var second, ..]
        && (AlwaysIllegal.Contains(second) || code is [_, 0x01, 0xc1 or 0xd9, ..]
        || (!timestampsAllowed && (second == Rdtsc || code.StartsWith((ReadOnlySpan<byte>)[EscapeByte, 0x01, 0xf9]))));
}
