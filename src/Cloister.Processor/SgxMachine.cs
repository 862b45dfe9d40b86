namespace Cloister.Processor;

/// <summary>
/// A processor package with SGX: the EPC, its map, the keys and the launch control registers.
/// Nothing in it is locked: callers serialise.
/// </summary>
public sealed class SgxMachine
{
    private readonly byte[] launchControlHash;
    private byte[] cpusvn;

    /// <summary>A machine that has just been switched on: no EPC page is valid.</summary>
    public SgxMachine(MachineOptions options, IEpcMemory memory)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.RootKey.Length, 32);
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.LaunchControlHash.Length, 32);
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.Cpusvn.Length, 16);
        Options = options;
        Memory = memory;
        Epcm = new Epcm(memory.PageCount);
        launchControlHash = options.LaunchControlHash.ToArray();
        cpusvn = options.Cpusvn.ToArray();
    }

    /// <summary>What the machine is.</summary>
    public MachineOptions Options { get; }

    /// <summary>The EPC's bytes.</summary>
    public IEpcMemory Memory { get; }

    /// <summary>The EPC's map.</summary>
    public Epcm Epcm { get; }

    /// <summary>Hears what the machine does. Nobody by default.</summary>
    public IMachineObserver Observer { get; set; } = SilentObserver.Instance;

    /// <summary>IA32_SGXLEPUBKEYHASH0 to 3, 32 bytes.</summary>
    public ReadOnlySpan<byte> LaunchControlHash
    {
        get => launchControlHash;
        set => value.CopyTo(launchControlHash);
    }

    /// <summary>CPUSVN, 16 bytes.</summary>
    public ReadOnlySpan<byte> Cpusvn => cpusvn;

    internal void UpdateCpusvn(ReadOnlySpan<byte> newer) => cpusvn = newer.ToArray();
}
