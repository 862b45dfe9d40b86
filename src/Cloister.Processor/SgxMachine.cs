using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Keys;

namespace Cloister.Processor;

/// <summary>
/// A processor package with SGX: the EPC, its map, the keys and the launch control registers.
/// Nothing in it is locked: callers serialise, and so no leaf ever meets another (SGX_EPC_PAGE_CONFLICT does not occur).
/// </summary>
public sealed class SgxMachine
{
    // EDBGRD shows whether a version is there without its low 3 bits, so versions do not use them.
    private const ulong VersionStep = 8;
    private const int RootKeyLength = 32;

    private readonly LeafInjections injections;
    private readonly byte[] launchControlHash;
    private readonly byte[] cpusvn;
    private MachineKeys? keys;
    private readonly Dictionary<int, EnclaveRecord> enclaves = [];
    private readonly Dictionary<ulong, Measurement> evictedMeasurements = [];
    private ulong nextEid = 1;
    private ulong nextVersion = VersionStep;

    /// <summary>A machine that has just been switched on: no EPC page is valid.</summary>
    public SgxMachine(MachineOptions options, IEpcMemory memory)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(memory);
        if (!options.RootKey.IsEmpty)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(options.RootKey.Length, RootKeyLength);
        }

        ArgumentOutOfRangeException.ThrowIfNotEqual(options.LaunchControlHash.Length, 32);
        ArgumentOutOfRangeException.ThrowIfNotEqual(options.Cpusvn.Length, 16);
        if (!options.OwnerEpoch.IsEmpty)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(options.OwnerEpoch.Length, 16);
        }

        Options = options;
        injections = new LeafInjections(options.Injected);
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
    public IMachineObserver Observer { get; set; } = IMachineObserver.Silent;

    /// <summary>IA32_SGXLEPUBKEYHASH0 to 3, 32 bytes.</summary>
    public ReadOnlySpan<byte> LaunchControlHash
    {
        get => launchControlHash;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(value.Length, launchControlHash.Length);
            value.CopyTo(launchControlHash);
        }
    }

    /// <summary>CPUSVN, 16 bytes.</summary>
    public ReadOnlySpan<byte> Cpusvn => cpusvn;

    /// <summary>
    /// Why a leaf refused last, with #GP or an error code. Who reads it to tell of one leaf sets it back, so that it is not taken for
    /// another's.
    /// </summary>
    public LeafRefusal Refusal { get; set; }

    /// <summary>How many EPC pages are valid.</summary>
    public int ValidPages { get; private set; }

    /// <summary>
    /// SECS.EID of the enclave whose SECS is in a page: 1 for the first of the machine, and never the same twice. 0 where there is none.
    /// </summary>
    public ulong EidOf(EpcPage secs) => enclaves.TryGetValue(secs.Index, out EnclaveRecord? enclave) ? enclave.Eid : 0;

    internal MachineKeys Keys =>
        keys ??= new MachineKeys(Options.RootKey.IsEmpty ? Options.NewRootKey() : Options.RootKey.Span, Options.OwnerEpoch.Span);

    /// <summary>The enclave's control structure, in its EPC page.</summary>
    internal ref Secs SecsOf(EpcPage secs) => ref MemoryMarshal.AsRef<Secs>(Memory[secs]);

    /// <summary>The fields of the control structure that have no architectural place.</summary>
    internal ref SecsExtension ExtensionOf(EpcPage secs)
        => ref MemoryMarshal.AsRef<SecsExtension>(Memory[secs][SecsExtension.Offset..]);

    /// <summary>A thread's control structure, in its EPC page.</summary>
    internal ref Tcs TcsOf(EpcPage tcs) => ref MemoryMarshal.AsRef<Tcs>(Memory[tcs]);

    /// <summary>The enclave whose SECS is in a page.</summary>
    internal EnclaveRecord EnclaveOf(EpcPage secs) => enclaves[secs.Index];

    /// <summary>Whether a page holds a valid SECS.</summary>
    internal bool IsSecs(EpcPage page)
        => Epcm.Contains(page) && Epcm[page] is { Valid: true, PageType: PageType.Secs };

    /// <summary>CR_NEXT_EID.</summary>
    internal ulong NextEid() => nextEid++;

    /// <summary>CR_VERSION: the version of the next evicted page; never 0, and never the same twice.</summary>
    internal ulong NextVersion()
    {
        ulong version = nextVersion;
        nextVersion += VersionStep;
        return version;
    }

    /// <summary>A SECS came into the EPC: a new one, or an evicted one that is loaded.</summary>
    internal void AddEnclave(EpcPage secs, ulong eid, Measurement? measurement)
    {
        if (measurement is null)
        {
            evictedMeasurements.Remove(eid, out measurement);
        }

        enclaves.Add(secs.Index, new EnclaveRecord { Eid = eid, Measurement = measurement });
    }

    /// <summary>A SECS is about to leave the EPC. When it is evicted before EINIT its hash must wait for it.</summary>
    internal void RemoveEnclave(EpcPage secs, bool evicted)
    {
        enclaves.Remove(secs.Index, out EnclaveRecord? enclave);
        if (evicted && enclave!.Measurement is { } measurement)
        {
            evictedMeasurements.Add(enclave.Eid, measurement);
        }
        else
        {
            enclave!.Measurement?.Dispose();
        }
    }

    /// <summary>Makes a page valid.</summary>
    internal ref EpcmEntry Claim(EpcPage page, SecinfoFlags flags, EpcPage secs, LinearAddress address)
    {
        ref EpcmEntry entry = ref Epcm.Entry(page);
        entry = new EpcmEntry { SecinfoFlags = flags, EnclaveSecs = secs, EnclaveAddress = address, Valid = true };
        ValidPages++;
        if (!secs.IsNone)
        {
            EnclaveOf(secs).ChildCount++;
        }

        return ref entry;
    }

    /// <summary>Makes a page invalid.</summary>
    internal void Release(EpcPage page)
    {
        ref EpcmEntry entry = ref Epcm.Entry(page);
        entry.Valid = false;
        ValidPages--;
        if (!entry.EnclaveSecs.IsNone)
        {
            EnclaveOf(entry.EnclaveSecs).ChildCount--;
        }
    }

    /// <summary>
    /// Power is lost and comes back (S3 and deeper): no EPC page is valid any more, and the launch control registers are
    /// as after a reset. Keys and CPUSVN stay. SDM 3D, "Interactions with S States": software rebuilds its enclaves. The
    /// EPC's bytes are the memory's business.
    /// </summary>
    /// <exception cref="InvalidOperationException">A thread is inside: software stops its threads before it sleeps.</exception>
    public void LosePower()
    {
        foreach (EnclaveRecord enclave in enclaves.Values)
        {
            if (enclave.Inside.Count != 0)
            {
                throw new InvalidOperationException("A thread is inside while the machine loses power.");
            }
        }

        foreach (EnclaveRecord enclave in enclaves.Values)
        {
            enclave.Measurement?.Dispose();
        }

        foreach (Measurement measurement in evictedMeasurements.Values)
        {
            measurement.Dispose();
        }

        enclaves.Clear();
        evictedMeasurements.Clear();
        Epcm.Clear();
        ValidPages = 0;
        Options.LaunchControlHash.Span.CopyTo(launchControlHash);
    }

    /// <summary>EUPDATESVN's effect.</summary>
    internal void UpdateCpusvn(ReadOnlySpan<byte> newer)
    {
        newer.CopyTo(cpusvn);
        keys?.Renew();
    }

    /// <summary>By which order the leaf that was executed last gave its code; null for none.</summary>
    public InjectedLeaf? Injection { get; private set; }

    /// <summary>Whether a leaf may have to give a code by order: each must be executed by the machine then.</summary>
    public bool Injects(EncluLeaf leaf) => injections.Has(leaf);

    /// <summary>What a leaf gives by order; null where it is to be executed.</summary>
    internal LeafResult? Injected(EnclsLeaf leaf) => Injected(injections.Due(leaf));

    /// <summary>What a leaf gives by order; null where it is to be executed.</summary>
    internal LeafResult? Injected(EncluLeaf leaf) => Injected(injections.Due(leaf));

    /// <summary>A leaf is executed that gives nothing by order.</summary>
    internal LeafResult? NotInjected() => Injected((InjectedLeaf?)null);

    private LeafResult? Injected(InjectedLeaf? order)
    {
        Injection = order;
        return order is null ? null : Refuse(order.Error, LeafRule.NotInjected);
    }

    /// <summary>#GP, by a rule.</summary>
    internal LeafResult Refuse(LeafRule rule, ulong found = 0, ulong expected = 0)
    {
        Refusal = new LeafRefusal(rule, found, expected);
        return LeafResult.GeneralProtection;
    }

    /// <summary>An error code, by a rule.</summary>
    internal LeafResult Refuse(SgxError error, LeafRule rule, ulong found = 0, ulong expected = 0)
    {
        Refusal = new LeafRefusal(rule, found, expected);
        return LeafResult.Of(error);
    }

    /// <summary>Tells the observer, and passes the result on.</summary>
    internal LeafResult Tell(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
        Observer.EnclsExecuted(leaf, page, address, result);
        return result;
    }
}
