using System.Security.Cryptography;
using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>What processor the machine has.</summary>
public sealed record MachineOptions
{
    private readonly byte? maximumEnclaveSize64;

    /// <summary>SGX2: EAUG, EMODPR, EMODT, EACCEPT, EMODPE, EACCEPTCOPY.</summary>
    public bool Sgx2 { get; init; } = true;

    /// <summary>ETRACKC, ERDINFO, ELDBC and ELDUC.</summary>
    public bool Oversubscription { get; init; } = true;

    /// <summary>EDECCSSA.</summary>
    public bool Edeccssa { get; init; } = true;

    /// <summary>EUPDATESVN.</summary>
    public bool Eupdatesvn { get; init; } = true;

    /// <summary>AEX-Notify.</summary>
    public bool AexNotify { get; init; } = true;

    /// <summary>Key separation and sharing.</summary>
    public bool Kss { get; init; } = true;

    /// <summary>Which bits of MISCSELECT an enclave may have.</summary>
    public Miscselect MiscselectMask { get; init; } = Miscselect.Exinfo;

    /// <summary>The processor that CPUID tells, when it is another than the host's.</summary>
    public Cpus.CpuModel? Cpu { get; init; }

    /// <summary>Where XSAVE keeps its components, and which there are.</summary>
    public XsaveLayout Xsave { get; init; } = XsaveLayout.Intel;

    /// <summary>Which XSAVE components an enclave may have. More than <see cref="Xsave"/> has do not count.</summary>
    public ulong XfrmMask { get; init; } = 0xe7;

    /// <summary>
    /// log2 of the largest 64-bit enclave in bytes. Unless it is said: 56 as on servers, which have SGX2, and 36 as on clients with SGX1
    /// only.
    /// </summary>
    public byte MaximumEnclaveSize64
    {
        get => maximumEnclaveSize64 ?? (Sgx2 ? (byte)56 : (byte)36);
        init => maximumEnclaveSize64 = value;
    }

    /// <summary>log2 of the largest 32-bit enclave in bytes.</summary>
    public byte MaximumEnclaveSizeNot64 { get; init; } = 31;

    /// <summary>Makes what ECREATE begins to measure with.</summary>
    public Func<Measurement> NewMeasurement { get; init; } = static () => new Measurement();

    /// <summary>
    /// 32 bytes that all keys come from: they are what makes one machine another than the next. Empty: <see cref="NewRootKey"/> gives them
    /// when a key is first needed.
    /// </summary>
    public ReadOnlyMemory<byte> RootKey { get; init; }

    /// <summary>Gives a root key when there is none and a key is first needed.</summary>
    public Func<byte[]> NewRootKey { get; init; } = static () => RandomNumberGenerator.GetBytes(32);

    /// <summary>CR_SGXOWNEREPOCH, 16 bytes: another one makes other seal keys. Empty: it comes from the root key.</summary>
    public ReadOnlyMemory<byte> OwnerEpoch { get; init; }

    /// <summary>IA32_SGXLEPUBKEYHASH0 to 3 at the beginning, 32 bytes: SHA-256 of Intel's launch key modulus by default.</summary>
    public ReadOnlyMemory<byte> LaunchControlHash { get; init; } = DefaultLaunchControlHash;

    /// <summary>CPUSVN, 16 bytes, compared byte by byte.</summary>
    public ReadOnlyMemory<byte> Cpusvn { get; init; } = new byte[] { 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

    /// <summary>CPUSVN that EUPDATESVN brings, 16 bytes, or empty when there is no newer one.</summary>
    public ReadOnlyMemory<byte> UpdatedCpusvn { get; init; }

    /// <summary>The attributes ECREATE may set, as CPUID.12H.1 tells them. INIT is not among them: EINIT sets it.</summary>
    public Attributes AttributesMask
    {
        get
        {
            AttributeFlags flags = AttributeFlags.Debug | AttributeFlags.Mode64Bit | AttributeFlags.ProvisionKey
                | AttributeFlags.EinittokenKey;
            flags |= Kss ? AttributeFlags.Kss : 0;
            flags |= AexNotify ? AttributeFlags.AexNotify : 0;
            return new Attributes(flags, XfrmMask & Xsave.Supported);
        }
    }

    /// <summary>The same as CPUID tells it.</summary>
    public SgxCapabilities Capabilities => new()
    {
        Sgx2 = Sgx2,
        Oversubscription = Oversubscription,
        Edeccssa = Edeccssa,
        Eupdatesvn = Eupdatesvn,
        MiscselectMask = MiscselectMask,
        MaximumEnclaveSize64 = MaximumEnclaveSize64,
        MaximumEnclaveSizeNot64 = MaximumEnclaveSizeNot64,
        AttributesMask = AttributesMask,
    };

    // SDM 4, IA32_SGXLEPUBKEYHASHn after reset: a6053e051270b7ac, 6cfbe8ba8b3b413d, c4916d99f2b3735d, d4f8c05909f9bb3b.
    private static ReadOnlyMemory<byte> DefaultLaunchControlHash { get; } = new byte[]
    {
        0xac, 0xb7, 0x70, 0x12, 0x05, 0x3e, 0x05, 0xa6, 0x3d, 0x41, 0x3b, 0x8b, 0xba, 0xe8, 0xfb, 0x6c,
        0x5d, 0x73, 0xb3, 0xf2, 0x99, 0x6d, 0x91, 0xc4, 0x3b, 0xbb, 0xf9, 0x09, 0x59, 0xc0, 0xf8, 0xd4,
    };

    /// <summary>Error codes that leaves give by order.</summary>
    public IReadOnlyList<InjectedLeaf> Injected { get; init; } = [];

    /// <summary>The same on a processor that one can buy: cut to what it has.</summary>
    /// <param name="model">The processor.</param>
    public MachineOptions On(Cpus.CpuModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return this with
        {
            Sgx2 = Sgx2 && model.Sgx2,
            Kss = Kss && model.ServerSgx,
            Oversubscription = Oversubscription && model.ServerSgx,
            AexNotify = AexNotify && model.ServerSgx,
            Edeccssa = Edeccssa && model.ServerSgx,
            Eupdatesvn = Eupdatesvn && model.ServerSgx,
            Cpu = model,
        };
    }
}
