using System.Buffers.Binary;
using System.Text;
using Cloister.Architecture;

namespace Cloister.Processor.Cpus;

/// <summary>
/// CPUID of a processor that has a name, on a host that may be any other: the model's identity, the host's resources, and of the features
/// what both have.
/// </summary>
/// <remarks>
/// Leaf 0DH stays the host's: XGETBV, XSAVE and XSAVEC run natively and use the host's XCR0 and its offsets, and whoever makes room for
/// them must learn the true sizes. Leaf 12H is not answered here. SDM 2A, CPUID.
/// </remarks>
public sealed class CpuidAnswers
{
    private const uint HighestExtendedLeaf = 0x80000008, Hypervisor = 0x40000000, HypervisorTiming = 0x40000010;
    private const uint Osxsave = 1u << 27, HypervisorBit = 1u << 31;
    private const ulong Avx = 1 << 2, Avx512 = 7 << 5, Pkru = 1 << 9;

    private static readonly CpuidRegisters s_nothing = new(0, 0, 0, 0);
    private readonly Func<uint, uint, CpuidRegisters> _host;
    private readonly CpuModel _model;
    private readonly HashSet<string> _flags;
    private readonly uint _hostHighest;
    private readonly CpuTopology _topology;

    /// <summary>A processor on a host.</summary>
    /// <param name="host">What the host's CPUID answers to a leaf and a sub-leaf.</param>
    /// <param name="model">The processor.</param>
    /// <param name="xsave">The host's layout of XSAVE.</param>
    public CpuidAnswers(Func<uint, uint, CpuidRegisters> host, CpuModel model, XsaveLayout xsave)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(xsave);
        (_host, _model) = (host, model);
        _hostHighest = host(0, 0).Eax;
        HostIsIntel = IsIntel(host(0, 0));
        _topology = new CpuTopology(Host, HostIsIntel);
        ulong components = xsave.AsOnIntel(ulong.MaxValue).Supported;
        _flags = [.. from feature in CpuFeatures.All
                     where model.Features.Contains(feature.Name) && (ComponentsOf(feature.Name) & ~components) == 0
                         && feature.IsIn(Host(feature.Leaf, feature.Subleaf))
                     select feature.Name];
        Xsave = xsave.AsOnIntel((_flags.Contains("avx") ? Avx : 0) | (_flags.Contains("avx512f") ? Avx512 : 0)
            | (_flags.Contains("ospke") ? Pkru : 0));
    }

    /// <summary>Whether the host is of the same maker.</summary>
    public bool HostIsIntel { get; }

    /// <summary>The features there are, by their names in /proc/cpuinfo.</summary>
    public IReadOnlySet<string> Flags => _flags;

    /// <summary>What an enclave may have of XSAVE: the components of the features there are.</summary>
    public XsaveLayout Xsave { get; }

    /// <summary>Whether leaf 0 tells Intel's name.</summary>
    public static bool IsIntel(CpuidRegisters leaf0) =>
        (leaf0.Ebx, leaf0.Edx, leaf0.Ecx) == (0x756e6547, 0x49656e69, 0x6c65746e); // "GenuineIntel"

    /// <summary>What CPUID returns.</summary>
    public CpuidRegisters this[uint leaf, uint subleaf] => leaf switch
    {
        _ when leaf <= _model.HighestLeaf => Basic(leaf, subleaf),
        >= 0x80000000 and <= HighestExtendedLeaf => Extended(leaf),
        >= Hypervisor and < 0x50000000 when HasHypervisor => _host(leaf, subleaf),

        // Beyond the highest leaf it is the highest basic one that answers.
        _ => Basic(_model.HighestLeaf, subleaf),
    };

    private bool HasHypervisor => (Host(1, 0).Ecx & HypervisorBit) != 0;

    private CpuidRegisters Basic(uint leaf, uint subleaf) => leaf switch
    {
        0 => new CpuidRegisters(_model.HighestLeaf, 0x756e6547, 0x6c65746e, 0x49656e69),
        1 => Only(1, 0, new CpuidRegisters(0, 0xffffff00, Osxsave | HypervisorBit, 0)) with { Eax = _model.Signature },

        // ff: leaf 4 has the caches. fe: leaf 18H has the TLBs. f0: 64 bytes are prefetched.
        2 => HostIsIntel ? Host(2, 0) : new CpuidRegisters(0x00feff01, 0xf0, 0, 0),
        4 => _topology.Cache(subleaf),
        5 => Host(5, 0),
        6 => Only(6, 0, new CpuidRegisters(0, 0, 1, 0)),
        7 when subleaf == 0 => Features(),
        7 => subleaf <= _model.HighestFeatureSubleaf ? Only(7, subleaf, s_nothing) : s_nothing,
        0xb or 0x1f => _topology.Level(leaf, subleaf),
        0xd when subleaf == 1 => Only(0xd, 1, new CpuidRegisters(0, uint.MaxValue, uint.MaxValue, uint.MaxValue)),
        0xd => Host(0xd, subleaf),
        0xf => IntelsOwn("cqm", leaf, subleaf),
        0x10 => IntelsOwn("rdt_a", leaf, subleaf),
        0x14 => IntelsOwn("intel_pt", leaf, subleaf),
        0x15 => Clock(),
        0x16 => Frequencies(),
        0x1d or 0x1e => IntelsOwn("amx_tile", leaf, subleaf),

        // A model is one kind of core, and has no AVX10.
        0x12 or 0x1a or 0x24 => s_nothing,
        _ => HostIsIntel ? Host(leaf, subleaf) : s_nothing,
    };

    private CpuidRegisters Extended(uint leaf) => leaf switch
    {
        0x80000000 => new CpuidRegisters(HighestExtendedLeaf, 0, 0, 0),
        >= 0x80000002 and <= 0x80000004 => Brand((int)(leaf - 0x80000002)),

        // The second-level cache; AMD has more in this leaf, and all of the one before.
        0x80000006 => new CpuidRegisters(0, 0, Host(leaf, 0).Ecx & 0xfffff0ff, 0),
        0x80000008 => Only(leaf, 0, new CpuidRegisters(0xffff, 0, 0, 0)),
        _ => Only(leaf, 0, s_nothing),
    };

    // SDM 1: bits 6 and 13 of EBX tell how x87 saves its pointers, and that is the host's.
    private CpuidRegisters Features() => Only(7, 0, new CpuidRegisters(0, 1u << 6 | 1u << 13, 0, 0)) with
    {
        Eax = Math.Min(Host(7, 0).Eax, _model.HighestFeatureSubleaf),
    };

    private CpuidRegisters Only(uint leaf, uint subleaf, CpuidRegisters others) =>
        CpuFeatures.Only(leaf, subleaf, Host(leaf, subleaf), _flags.Contains, others);

    private CpuidRegisters IntelsOwn(string flag, uint leaf, uint subleaf) => HostIsIntel && _flags.Contains(flag)
        ? Host(leaf, subleaf) : s_nothing;

    // Zeros: not enumerated. EBX / EAX is the ratio of the TSC to the crystal, ECX the crystal's frequency in Hz.
    private CpuidRegisters Clock()
    {
        CpuidRegisters own = HostIsIntel ? Host(0x15, 0) : s_nothing;
        uint kilohertz = TscKilohertz;
        return own.Ebx != 0 || kilohertz == 0 ? own
            : new CpuidRegisters(_model.CrystalKilohertz, kilohertz, _model.CrystalKilohertz * 1000, 0);
    }

    private CpuidRegisters Frequencies()
    {
        CpuidRegisters own = HostIsIntel ? Host(0x16, 0) : s_nothing;
        uint megahertz = TscKilohertz / 1000;
        return own.Eax != 0 || megahertz == 0 ? own : new CpuidRegisters(megahertz, megahertz, 100, 0);
    }

    // KVM and VMware tell it: Linux, arch/x86/kernel/cpu/vmware.c, and QEMU's vmware-cpuid-freq.
    private uint TscKilohertz => HasHypervisor && _host(Hypervisor, 0).Eax is >= HypervisorTiming and < 0x50000000
        ? _host(HypervisorTiming, 0).Eax : 0;

    private CpuidRegisters Brand(int part)
    {
        Span<byte> text = stackalloc byte[48];
        text.Clear();
        _ = Encoding.ASCII.GetBytes(_model.Brand, text);
        ReadOnlySpan<byte> at = text.Slice(part * 16, 16);
        return new CpuidRegisters(
            BinaryPrimitives.ReadUInt32LittleEndian(at),
            BinaryPrimitives.ReadUInt32LittleEndian(at[4..]),
            BinaryPrimitives.ReadUInt32LittleEndian(at[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(at[12..]));
    }

    private CpuidRegisters Host(uint leaf, uint subleaf) => leaf < Hypervisor && leaf > _hostHighest ? s_nothing : _host(leaf, subleaf);

    // Which XSAVE components a feature keeps its state in. SDM 1, "XSAVE-Supported Features".
    private static ulong ComponentsOf(string feature) => feature switch
    {
        "avx" or "avx2" or "fma" or "f16c" or "vaes" or "vpclmulqdq" or "avx_vnni" => Avx,
        "pku" or "ospke" => Pkru,
        _ when feature.StartsWith("avx512", StringComparison.Ordinal) => Avx | Avx512,
        _ => 0,
    };
}
