using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Observers;
using Cloister.Processor;

namespace Cloister.Cli.Journal;

/// <summary>Writes down what the machine does, page by page, and passes everything on to the observer that was there.</summary>
internal sealed class PageJournal(SgxMachine machine, IMachineObserver next) : IMachineObserver, IDriverObserver, IEngineObserver
{
    /// <summary>The most enclaves.</summary>
    public const int MostEnclaves = 1000;

    private readonly PageLives _lives = new();
    private readonly SortedDictionary<ulong, EnclaveHistory> _enclaves = [];
    private readonly Dictionary<int, EnclaveHistory> _bySecs = []; // by the place of the SECS, also when it is gone
    private readonly Dictionary<LogicalProcessor, LinearAddress> _refused = [];

    /// <summary>The enclaves in the order of ECREATE.</summary>
    public IReadOnlyCollection<EnclaveHistory> Enclaves => _enclaves.Values;

    /// <summary>Enclaves that are not kept.</summary>
    public int EnclavesLeftOut { get; private set; }

    /// <summary>How often each leaf was executed, and how often it was refused.</summary>
    public SortedDictionary<string, (long Executed, long Refused)> Leaves { get; } = new(StringComparer.Ordinal);

    /// <summary>Asynchronous exits by their cause.</summary>
    public SortedDictionary<string, long> Exits { get; } = new(StringComparer.Ordinal);

    /// <summary>EENTERs, ERESUMEs and EEXITs that threads made without a stop: at which TCS, nobody saw.</summary>
    public (long Entries, long Resumptions, long Exits) Unseen { get; private set; }

    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
        next.EnclsExecuted(leaf, page, address, result);
        Count(MachineNames.Of(leaf), result);
        if (EnclaveOf(leaf, page, result) is not { } enclave)
        {
            return;
        }

        // ETRACK is of the whole enclave and follows every change: its number says enough. So does that of the EWBs that came too early,
        // of the one page among those written out together that is tried first.
        if (leaf is EnclsLeaf.Etrack or EnclsLeaf.Etrackc || (leaf == EnclsLeaf.Ewb && result.Error == SgxError.NotTracked))
        {
            return;
        }

        ref readonly EpcmEntry entry = ref machine.Epcm[page];
        SecinfoFlags? state = result.IsSuccess && entry.Valid ? entry.SecinfoFlags : null;
        string what = Named(MachineNames.Of(leaf), result);
        if (entry.PageType == PageType.Secs)
        {
            enclave.AddToSecs(what, state);
            return;
        }

        // Of what is refused no address is told.
        LinearAddress at = entry.Valid ? entry.EnclaveAddress : address;
        if (enclave.Contains(at))
        {
            enclave.Add(at, what, state);
        }

        if (state is not null)
        {
            enclave.Place(at, page);
        }
    }

    public void Measured(EpcPage page, LinearAddress address, int length) => next.Measured(page, address, length);

    public void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result)
    {
        next.EncluExecuted(leaf, processor, address, result);
        Count(MachineNames.Of(leaf), result);
        if ((!result.IsSuccess && !processor.EnclaveMode) || !_enclaves.TryGetValue(processor.Eid, out EnclaveHistory? enclave))
        {
            return;
        }

        if (leaf is EncluLeaf.Eenter or EncluLeaf.Eresume or EncluLeaf.Eexit)
        {
            if (result.IsSuccess)
            {
                enclave.CrossingsOf(processor.Tcs).Crossed(leaf);
            }
        }
        else if (leaf is EncluLeaf.Eaccept or EncluLeaf.Emodpe or EncluLeaf.Eacceptcopy && enclave.Contains(address))
        {
            EpcPage page = enclave.PlaceOf(address);
            bool isThere = !page.IsNone && machine.Epcm[page] is { Valid: true } entry && entry.EnclaveSecs == processor.Secs
                && entry.EnclaveAddress == address.PageBase;
            enclave.Add(address, Named(MachineNames.Of(leaf), result),
                isThere && result.Status != LeafStatus.Fault ? machine.Epcm[page].SecinfoFlags : null);
            if (result.Status == LeafStatus.Fault)
            {
                _refused[processor] = address.PageBase;
            }
        }
    }

    public void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address)
    {
        next.AexTaken(processor, vector, errorCode, address);
        string cause = vector is { } known ? MachineNames.Of(known) : "interrupt";
        Exits[cause] = Exits.GetValueOrDefault(cause) + 1;
        if (!_enclaves.TryGetValue(processor.Eid, out EnclaveHistory? enclave))
        {
            return;
        }

        enclave.CrossingsOf(processor.Tcs).Exited();

        // The fault of a leaf has been noted with the leaf.
        bool ofLeaf = _refused.Remove(processor, out LinearAddress refused) && refused == address.PageBase;
        if (vector == ExceptionVector.PageFault && !ofLeaf && enclave.Contains(address))
        {
            var code = (PageFaultErrorCode)errorCode;
            string access = code.HasFlag(PageFaultErrorCode.InstructionFetch) ? "fetch" : code.HasFlag(PageFaultErrorCode.Write)
                ? "write" : "read";
            enclave.Add(address, $"{access} (#PF)", null);
        }
    }

    public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found) =>
        next.EnclaveRefused(leaf, secs, sigstruct, field, expected, found);

    public void KeyRequested(in Keyrequest request, LeafResult result) => next.KeyRequested(in request, result);

    public void FastPathsUsed(IObservedThread thread, long entries, long resumptions, long exits) =>
        Unseen = (Unseen.Entries + entries, Unseen.Resumptions + resumptions, Unseen.Exits + exits);

    public void ThreadEnded(IObservedThread thread, Engine.Options.ProgramEnd how) => _refused.Remove(thread.Processor);

    public void PowerLost()
    {
        foreach (EnclaveHistory enclave in _enclaves.Values)
        {
            enclave.LosePower();
        }
    }

    private EnclaveHistory? EnclaveOf(EnclsLeaf leaf, EpcPage page, LeafResult result)
    {
        if (page.IsNone || !machine.Epcm.Contains(page))
        {
            return null;
        }

        ref readonly EpcmEntry entry = ref machine.Epcm[page];
        EpcPage secs = entry.PageType == PageType.Secs || entry.EnclaveSecs.IsNone ? page : entry.EnclaveSecs;
        ulong enclave = machine.EidOf(secs);
        if (enclave == 0)
        {
            // What was just taken out still says whose it was.
            return leaf is EnclsLeaf.Eremove or EnclsLeaf.Ewb && entry.PageType != PageType.Va
                ? _bySecs.GetValueOrDefault(secs.Index) : null;
        }

        if (leaf == EnclsLeaf.Ecreate && result.IsSuccess)
        {
            if (_enclaves.Count >= MostEnclaves)
            {
                EnclavesLeftOut++;
                _ = _bySecs.Remove(page.Index);
                return null;
            }

            ref readonly Secs made = ref MemoryMarshal.AsRef<Secs>(machine.Memory[page]);
            _enclaves[enclave] = new EnclaveHistory(enclave, _lives) { BaseAddress = new LinearAddress(made.BaseAddr), Size = made.Size };
        }

        if (_enclaves.TryGetValue(enclave, out EnclaveHistory? known))
        {
            _bySecs[secs.Index] = known;
        }

        return known;
    }

    private void Count(string leaf, LeafResult result)
    {
        (long executed, long refused) = Leaves.GetValueOrDefault(leaf);
        Leaves[leaf] = result.IsSuccess ? (executed + 1, refused) : (executed, refused + 1);
    }

    private static string Named(string leaf, LeafResult result) => result.IsSuccess ? leaf : $"{leaf} ({MachineNames.Of(in result)})";
}
