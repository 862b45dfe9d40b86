namespace Cloister.Engine;

/// <summary>Instructions that are illegal in an enclave and that a processor without SGX executes all the same.</summary>
/// <remarks>They become UD2 in the enclave's pages when these become executable. An enclave that reads its own code sees that;
/// the measurement does not, for it is taken before.</remarks>
internal static class EnclaveCode
{
    private static readonly byte[] Ud2 = [0x0f, 0x0b];

    // Two bytes each, and no operand: CPUID, SYSCALL, SYSENTER, POP FS, POP GS; then RDTSC, and RDTSCP, which has three.
    private static readonly byte[] AlwaysIllegal = [0xa2, 0x05, 0x34, 0xa1, 0xa9];
    private const byte EscapeByte = 0x0f, Rdtsc = 0x31;

    /// <summary>Replaces the instructions in one page.</summary>
    /// <param name="page">The 4096 bytes.</param>
    /// <param name="timestampsAllowed">RDTSC and RDTSCP are legal where there is SGX2. SDM 3D, "RDTSC and RDTSCP".</param>
    public static void Patch(Span<byte> page, bool timestampsAllowed)
    {
        for (int at = 0; at < page.Length - 1; at++)
        {
            int next = page[at..].IndexOf(EscapeByte);
            if (next < 0 || (at += next) >= page.Length - 1)
            {
                return;
            }

            bool illegal = AlwaysIllegal.Contains(page[at + 1])
                || (!timestampsAllowed && (page[at + 1] == Rdtsc || page[at..].StartsWith((ReadOnlySpan<byte>)[EscapeByte, 0x01, 0xf9])));
            if (illegal && CpuidSites.IsInstruction(page, at))
            {
                Ud2.CopyTo(page[at..]);
            }
        }
    }
}
