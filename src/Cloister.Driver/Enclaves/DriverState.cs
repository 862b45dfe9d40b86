using Cloister.Architecture;
using Cloister.Driver.Pages;
using Cloister.Processor;

namespace Cloister.Driver.Enclaves;

/// <summary>
/// What the parts of the driver share. Callers serialise: everything runs on the one thread that serves the programs,
/// so there are no locks; a scratch page is safe as long as nobody keeps it across a page.
/// </summary>
internal sealed class DriverState(SgxMachine machine, DriverOptions options, IThreadKicker kicker)
{
    private readonly List<SgxEnclave?> _enclaves = [];
    private readonly Stack<int> _freeNumbers = [];

    public SgxMachine Machine { get; } = machine;

    public DriverOptions Options { get; } = options;

    public GenerationRules Rules { get; } = GenerationRules.Of(options.Generation);

    /// <summary>Which enclaves may execute pages added at run time, once anything was said about it.</summary>
    public ExecuteDirtyPolicy? Policy { get; set; } = options.Policy;

    public Injections Injections { get; } = new(options.Injected);

    public Counters Counters { get; } = new();

    public IDriverObserver Observer { get; set; } = IDriverObserver.Silent;

    /// <summary>Why an ioctl refused last.</summary>
    public IoctlRefusal Refusal { get; set; }

    public EpcPagePool Pool { get; } = new(machine.Memory.PageCount);

    public BackingStore Backing { get; } = new();

    /// <summary>Kills an enclave (sgx_invalidate).</summary>
    public Action<SgxEnclave> Invalidate { get; set; } = static _ => throw new InvalidOperationException("The driver is not made yet.");

    /// <summary>4096 bytes for a page on its way from the program to a leaf.</summary>
    public byte[] ScratchPage { get; } = new byte[LinearAddress.PageSize];

    public int EnclaveCount => _enclaves.Count - _freeNumbers.Count;

    public SgxEnclave AddEnclave(IEnclaveStorage storage)
    {
        if (!_freeNumbers.TryPop(out int number))
        {
            number = _enclaves.Count;
            _enclaves.Add(null);
        }

        return _enclaves[number] = new SgxEnclave(number, storage, Backing);
    }

    public void RemoveEnclave(SgxEnclave enclave)
    {
        _enclaves[enclave.Number] = null;
        _freeNumbers.Push(enclave.Number);
    }

    /// <summary>ENCLU exception handlers by address space (RFC v3 of December 2018).</summary>
    public Dictionary<IAddressSpace, EncluHandler> EncluHandlers { get; } = [];

    /// <summary>The enclave file mapped at an address, or null (sgx_encl_find).</summary>
    public SgxEnclave? FindMapped(IAddressSpace addressSpace, LinearAddress address)
    {
        foreach (var enclave in _enclaves)
        {
            if (enclave?.Mapping is { } mapping && mapping.Contains(addressSpace, address)
                && !enclave.Holes.Exists(hole => hole.Contains(addressSpace, address)))
            {
                return enclave;
            }
        }

        return null;
    }

    /// <summary>An error, by a rule.</summary>
    public DriverError Refuse(DriverError error, IoctlRule rule, ulong found = 0, ulong expected = 0)
    {
        Refusal = new IoctlRefusal(rule, found, expected);
        return error;
    }

    /// <summary>Throws when an enclave is released or another driver's.</summary>
    public void ThrowIfStrange(SgxEnclave enclave)
    {
        ArgumentNullException.ThrowIfNull(enclave);
        bool isOurs = enclave.Number < _enclaves.Count && ReferenceEquals(_enclaves[enclave.Number], enclave);
        ObjectDisposedException.ThrowIf(!isOurs, enclave);
    }

    public SgxEnclave EnclaveOf(int number) =>
        _enclaves[number] ?? throw new InvalidOperationException($"An EPC page belongs to enclave {number}, which is gone.");

    public void ForEachEnclave(Action<SgxEnclave> action)
    {
        foreach (var enclave in _enclaves)
        {
            if (enclave is not null)
            {
                action(enclave);
            }
        }
    }

    public void ForceExits(EpcPage secs)
    {
        Counters.ForcedExits++;
        kicker.ForceExits(secs);
    }
}
