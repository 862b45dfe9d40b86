namespace Cloister.Processor.Cpus;

/// <summary>A processor with SGX that one can buy, as CPUID tells it.</summary>
public sealed record CpuModel
{
    /// <summary>What the option calls it.</summary>
    public required string Name { get; init; }

    /// <summary>The brand string, at most 47 characters.</summary>
    public required string Brand { get; init; }

    /// <summary>Family 6 throughout: CPUID.1:EAX without the reserved bits.</summary>
    public required uint Signature { get; init; }

    /// <summary>The highest basic leaf.</summary>
    public required uint HighestLeaf { get; init; }

    /// <summary>The highest sub-leaf of leaf 7.</summary>
    public uint HighestFeatureSubleaf { get; init; }

    /// <summary>Its features, by their names in /proc/cpuinfo. The host has to have them as well.</summary>
    public required IReadOnlySet<string> Features { get; init; }

    /// <summary>The core crystal's frequency in kHz, for leaf 15H.</summary>
    public required uint CrystalKilohertz { get; init; }

    /// <summary>SGX2: EAUG and its kin.</summary>
    public bool Sgx2 { get; init; } = true;

    /// <summary>What servers have beyond: key separation and sharing, oversubscription, AEX-Notify, EDECCSSA, EUPDATESVN.</summary>
    public bool ServerSgx { get; init; } = true;

    /// <summary>The display family. SDM 2A, CPUID, "Version Information".</summary>
    public uint Family => Signature >> 8 & 0xf;

    /// <summary>The display model: the extended one belongs to it.</summary>
    public uint Model => (Signature >> 4 & 0xf) | (Signature >> 12 & 0xf0);

    /// <summary>The stepping.</summary>
    public uint Stepping => Signature & 0xf;
}
