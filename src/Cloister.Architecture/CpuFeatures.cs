namespace Cloister.Architecture;

/// <summary>
/// The bits of CPUID that name a feature. SDM 2A, CPUID; the names are those of Linux, arch/x86/include/asm/cpufeatures.h.
/// </summary>
public static class CpuFeatures
{
    /// <summary>
    /// Each word of features: the leaf, the sub-leaf and the register it is in, and the names of its bits from 0 on; "-" for one that has
    /// none here.
    /// </summary>
    private static readonly (uint Leaf, uint Subleaf, CpuidRegister Register, string Names)[] s_words =
    [
        (1, 0, CpuidRegister.Edx,
            "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 - clflush - dts acpi mmx fxsr sse sse2 ss ht tm - pbe"),
        (1, 0, CpuidRegister.Ecx,
            "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 - sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt "
            + "tsc_deadline_timer aes xsave - avx f16c rdrand -"),
        (6, 0, CpuidRegister.Eax, "dtherm ida arat - pln - pts"),
        (7, 0, CpuidRegister.Ebx,
            "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma - "
            + "clflushopt clwb intel_pt - - avx512cd sha_ni avx512bw avx512vl"),
        (7, 0, CpuidRegister.Ecx,
            "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme avx512_vpopcntdq - la57 "
            + "- - - - - rdpid - bus_lock_detect cldemote - movdiri movdir64b enqcmd sgx_lc -"),
        (7, 0, CpuidRegister.Edx,
            "- - - - fsrm - - - avx512_vp2intersect - md_clear - - - serialize - tsxldtrk - pconfig arch_lbr - - amx_bf16 avx512_fp16 amx_tile "
            + "amx_int8 spec_ctrl intel_stibp flush_l1d arch_capabilities - spec_ctrl_ssbd"),
        (7, 1, CpuidRegister.Eax, "- - - - avx_vnni avx512_bf16 - - - - fzrm fsrs fsrc - - - - - - - - amx_fp16"),
        (0xd, 1, CpuidRegister.Eax, "xsaveopt xsavec xgetbv1 xsaves xfd"),
        (0x80000001, 0, CpuidRegister.Edx, "- - - - - - - - - - - syscall - - - - - - - - nx - - - - - pdpe1gb rdtscp - lm"),
        (0x80000001, 0, CpuidRegister.Ecx, "lahf_lm - - - - abm - - 3dnowprefetch"),
        (0x80000007, 0, CpuidRegister.Edx, "- - - - - - - - nonstop_tsc"),
        (0x80000008, 0, CpuidRegister.Ebx, "- - - - - - - - - wbnoinvd"),
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<CpuFeature> All { get; } =
    [
        .. s_words.SelectMany(
            word => word.Names.Split(' ').Select((name, bit) => new CpuFeature(name, word.Leaf, word.Subleaf, word.Register, bit)))
            .Where(feature => feature.Name != "-"),
    ];

    /// <summary>The answer of a leaf that is made of features, with some of them only. What is no feature stays.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="subleaf">The sub-leaf.</param>
    /// <param name="answer">What the processor says.</param>
    /// <param name="keeps">Which features stay.</param>
    /// <param name="others">The bits that stay and are no feature, for each register.</param>
    public static CpuidRegisters Only(uint leaf, uint subleaf, CpuidRegisters answer, Predicate<string> keeps, CpuidRegisters others)
    {
        ArgumentNullException.ThrowIfNull(keeps);
        CpuidRegisters mask = others;
        foreach (CpuFeature feature in All)
        {
            if (feature.Leaf == leaf && feature.Subleaf == subleaf && keeps(feature.Name))
            {
                uint bit = 1u << feature.Bit;
                mask = feature.Register switch
                {
                    CpuidRegister.Eax => mask with { Eax = mask.Eax | bit },
                    CpuidRegister.Ebx => mask with { Ebx = mask.Ebx | bit },
                    CpuidRegister.Ecx => mask with { Ecx = mask.Ecx | bit },
                    _ => mask with { Edx = mask.Edx | bit },
                };
            }
        }

        return new CpuidRegisters(answer.Eax & mask.Eax, answer.Ebx & mask.Ebx, answer.Ecx & mask.Ecx, answer.Edx & mask.Edx);
    }
}
