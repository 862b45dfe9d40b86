namespace Cloister.Engine;

/// <summary>Instructions that are illegal in an enclave and that a processor without SGX executes all the same.</summary>
/// <remarks>They become UD2 in the enclave's pages when these become executable. An enclave that reads its own code sees that;
/// the measurement does not, for it is taken before.</remarks>
internal static class EnclaveCode
{
    private static readonly byte[] Ud2 = [0x0f, 0x0b];

    /// <summary>Replaces the instructions in one page.</summary>
    /// <param name="page">The 4096 bytes.</param>
    /// <param name="timestampsAllowed">RDTSC and RDTSCP are legal where there is SGX2. SDM 3D, "RDTSC and RDTSCP".</param>
    public static void Patch(Span<byte> page, bool timestampsAllowed)
    {
        foreach (int site in CpuidSites.Find(page, 0, []))
        {
            Ud2.CopyTo(page[site..]);
        }

        if (timestampsAllowed)
        {
            return;
        }

        foreach (byte[] pattern in (byte[][])[[0x0f, 0x31], [0x0f, 0x01, 0xf9]])
        {
            for (int at = 0; page[at..].IndexOf(pattern) is >= 0 and var found;)
            {
                at += found;
                if (CpuidSites.IsInstruction(page, at, 0, []))
                {
                    Ud2.CopyTo(page[at..]);
                }

                at++;
            }
        }
    }
}
