namespace Cloister.Processor.Cpus;

/// <summary>The processors that have a name.</summary>
/// <remarks>
/// Signatures: SDM 4, table 2-1. Features: those that Linux shows in /proc/cpuinfo on these processors. All of them have flexible launch
/// control, for Linux's driver takes no others.
/// </remarks>
public static class CpuModels
{
    private static readonly HashSet<string> s_atom = Set(
        [],
        "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush dts acpi mmx fxsr sse sse2 ss ht tm pbe syscall nx pdpe1gb "
        + "rdtscp lm nonstop_tsc pni pclmulqdq dtes64 monitor ds_cpl vmx est tm2 ssse3 sdbg cx16 xtpr pdcm sse4_1 sse4_2 x2apic movbe popcnt "
        + "tsc_deadline_timer aes xsave rdrand lahf_lm 3dnowprefetch fsgsbase tsc_adjust sgx sgx_lc smep erms rdseed smap clflushopt intel_pt sha_ni "
        + "xsaveopt xsavec xgetbv1 xsaves dtherm ida arat pln pts umip rdpid md_clear arch_capabilities spec_ctrl intel_stibp spec_ctrl_ssbd");

    private static readonly HashSet<string> s_client = Set(
        s_atom,
        "fma pcid smx avx f16c abm bmi1 hle avx2 bmi2 invpcid rtm adx flush_l1d", without: "sha_ni umip rdpid");

    private static readonly HashSet<string> s_iceLake = Set(
        s_client,
        "dca cqm rdt_a avx512f avx512dq avx512ifma clwb avx512cd sha_ni avx512bw avx512vl avx512vbmi umip pku ospke avx512_vbmi2 gfni vaes vpclmulqdq "
        + "avx512_vnni avx512_bitalg tme avx512_vpopcntdq la57 rdpid fsrm pconfig wbnoinvd");

    private static readonly HashSet<string> s_sapphireRapids = Set(
        s_iceLake,
        "waitpkg bus_lock_detect cldemote movdiri movdir64b enqcmd serialize tsxldtrk arch_lbr amx_bf16 avx512_fp16 amx_tile amx_int8 avx_vnni "
        + "avx512_bf16 fzrm fsrs fsrc xfd");

    /// <summary>The one that stands for a host whose maker's processors have no SGX.</summary>
    public static CpuModel Plain => All[0];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<CpuModel> All { get; } =
    [
        new()
        {
            Name = "icelake-server",
            Brand = "Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz",
            Signature = 0x606a6,
            HighestLeaf = 0x1b,
            CrystalKilohertz = 25_000,
            Features = s_iceLake,
        },
        new()
        {
            Name = "sapphire-rapids",
            Brand = "Intel(R) Xeon(R) Platinum 8480+",
            Signature = 0x806f8,
            HighestLeaf = 0x20,
            HighestFeatureSubleaf = 1,
            CrystalKilohertz = 25_000,
            Features = s_sapphireRapids,
        },
        new()
        {
            Name = "emerald-rapids",
            Brand = "INTEL(R) XEON(R) PLATINUM 8592+",
            Signature = 0xc06f2,
            HighestLeaf = 0x20,
            HighestFeatureSubleaf = 1,
            CrystalKilohertz = 25_000,
            Features = s_sapphireRapids,
        },
        new()
        {
            Name = "granite-rapids",
            Brand = "Intel(R) Xeon(R) 6972P",
            Signature = 0xa06d1,
            HighestLeaf = 0x24,
            HighestFeatureSubleaf = 1,
            CrystalKilohertz = 25_000,
            Features = Set(s_sapphireRapids, "amx_fp16"),
        },
        new()
        {
            Name = "coffee-lake",
            Brand = "Intel(R) Xeon(R) E-2186G CPU @ 3.80GHz",
            Signature = 0x906ea,
            HighestLeaf = 0x16,
            CrystalKilohertz = 24_000,
            Features = s_client,
            Sgx2 = false,
            ServerSgx = false,
        },
        new()
        {
            Name = "gemini-lake",
            Brand = "Intel(R) Pentium(R) Silver J5005 CPU @ 1.50GHz",
            Signature = 0x706a1,
            HighestLeaf = 0x18,
            CrystalKilohertz = 19_200,
            Features = s_atom,
            ServerSgx = false,
        },
    ];

    /// <summary>Finds one by its name, or by the name that QEMU and libvirt have for it: case and dashes do not count.</summary>
    public static CpuModel? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string bare = Bare(name);
        return All.FirstOrDefault(model => Bare(model.Name) == bare);
    }

    private static string Bare(string name) => name.Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal)
        .ToUpperInvariant();

    private static HashSet<string> Set(HashSet<string> all, string more, string without = "") =>
        [.. all.Except(without.Split(' ')), .. more.Split(' ')];
}
