using Cloister.Architecture;

namespace Cloister.Processor.Cpus;

/// <summary>The host's caches and cores as Intel's leaves 4, 0BH and 1FH have them. SDM 2A and APM 3, CPUID.</summary>
internal sealed class CpuTopology(Func<uint, uint, CpuidRegisters> host, bool hostIsIntel)
{
    private const uint Caches = 4, Topology = 0xb, TopologyV2 = 0x1f, AmdCaches = 0x8000001d, AmdTopology = 0x8000001e;

    // APM 3, CPUID 8000_0006H: the associativity of the second and third level; 9 refers to leaf 8000_001DH, which is not to be had.
    private static readonly uint[] s_ways = [0, 1, 2, 3, 4, 6, 8, 0, 16, 16, 32, 48, 64, 96, 128, 0];

    private uint Logical => Math.Max(host(1, 0).Ebx >> 16 & 0xff, 1);

    private uint ThreadsOfCore => HighestExtended >= AmdTopology ? (host(AmdTopology, 0).Ebx >> 8 & 0xff) + 1 : 1;

    private uint HighestExtended => host(0x80000000, 0).Eax;

    /// <summary>Leaf 4.</summary>
    public CpuidRegisters Cache(uint subleaf)
    {
        if (hostIsIntel)
        {
            return host(Caches, subleaf);
        }

        if (HighestExtended < AmdCaches || host(AmdCaches, 0).Eax == 0)
        {
            return OldCache(subleaf);
        }

        // AMD's leaf is the same but for the number of cores, which is Intel's alone.
        CpuidRegisters cache = host(AmdCaches, subleaf);
        return (cache.Eax & 0x1f) == 0 ? default : cache with { Eax = (cache.Eax & 0x03ff_ffff) | CoresOfPackage, Edx = cache.Edx & 7 };
    }

    /// <summary>Leaf 0BH or 1FH.</summary>
    public CpuidRegisters Level(uint leaf, uint subleaf)
    {
        if (leaf == TopologyV2 && hostIsIntel && host(TopologyV2, 0).Ebx != 0)
        {
            return host(TopologyV2, subleaf);
        }

        if (host(Topology, 0).Ebx != 0)
        {
            return host(Topology, subleaf);
        }

        // EAX: how far to shift the number for that of the next level. EBX: logical processors of the level. ECX: 1 threads, 2 cores.
        uint id = HighestExtended >= AmdTopology && host(AmdTopology, 0).Eax != 0 ? host(AmdTopology, 0).Eax : host(1, 0).Ebx >> 24;
        return subleaf switch
        {
            0 => new CpuidRegisters(BitsFor(ThreadsOfCore), ThreadsOfCore, 1 << 8, id),
            1 => new CpuidRegisters(BitsFor(Logical), Logical, 1 | 2 << 8, id),
            _ => new CpuidRegisters(0, 0, subleaf & 0xff, id),
        };
    }

    // The leaves before 8000_001DH, of old processors and of hypervisors that hide it.
    private CpuidRegisters OldCache(uint subleaf)
    {
        CpuidRegisters first = host(0x80000005, 0), next = host(0x80000006, 0);
        return subleaf switch
        {
            0 => OldCache(1, 1, ThreadsOfCore, first.Ecx >> 24, first.Ecx >> 16 & 0xff, first.Ecx & 0xff),
            1 => OldCache(2, 1, ThreadsOfCore, first.Edx >> 24, first.Edx >> 16 & 0xff, first.Edx & 0xff),
            2 => OldCache(3, 2, ThreadsOfCore, next.Ecx >> 16, s_ways[next.Ecx >> 12 & 0xf], next.Ecx & 0xff),
            3 => OldCache(3, 3, Logical, (next.Edx >> 18) * 512, s_ways[next.Edx >> 12 & 0xf], next.Edx & 0xff),
            _ => default,
        };
    }

    private CpuidRegisters OldCache(uint type, uint level, uint sharing, uint kibiBytes, uint ways, uint line) =>
        kibiBytes == 0 || ways == 0 || line == 0
            ? default
            : new CpuidRegisters(
                type | level << 5 | 1 << 8 | (sharing - 1) << 14 | CoresOfPackage,
                (line - 1) | (ways - 1) << 22,
                Math.Max(kibiBytes * 1024 / (ways * line), 1) - 1,
                0);

    // Leaf 4, EAX bits 31 to 26: as many less one.
    private uint CoresOfPackage => (Math.Clamp(Logical / ThreadsOfCore, 1, 64) - 1) << 26;

    private static uint BitsFor(uint count) => (uint)(32 - System.Numerics.BitOperations.LeadingZeroCount(count - 1));
}
