using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Cli.Demo;

/// <summary>Writes down what the machine does, page by page, and passes everything on to the observer that was there.</summary>
internal sealed class PageJournal(SgxMachine machine, IMachineObserver next) : IMachineObserver
{
    private readonly List<EnclaveHistory> _enclaves = [];
    private readonly Dictionary<EpcPage, EnclaveHistory> _living = [];
    private readonly Dictionary<EpcPage, (EnclaveHistory Enclave, PageHistory Page)> _occupants = [];
    private readonly Dictionary<LogicalProcessor, (EnclaveHistory Enclave, LinearAddress Tcs)> _inside = [];
    private readonly Dictionary<LogicalProcessor, LinearAddress> _refused = [];

    /// <summary>The enclaves in the order of ECREATE.</summary>
    public IReadOnlyList<EnclaveHistory> Enclaves => _enclaves;

    /// <summary>How often each leaf was executed, and how often it was refused.</summary>
    public SortedDictionary<string, (int Executed, int Refused)> Leaves { get; } = new(StringComparer.Ordinal);

    /// <summary>Asynchronous exits by their cause.</summary>
    public SortedDictionary<string, int> Exits { get; } = new(StringComparer.Ordinal);

    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
        next.EnclsExecuted(leaf, page, address, result);
        Count(leaf.ToString(), result);
        if (PageOf(leaf, page, address) is not (EnclaveHistory, PageHistory history) found)
        {
            return;
        }

        // ETRACK is of the whole enclave and follows every change: its number says enough.
        if (leaf != EnclsLeaf.Etrack)
        {
            history.Add(Named(leaf.ToString(), result));
        }

        if (!result.IsSuccess)
        {
            return;
        }

        if (leaf is EnclsLeaf.Eremove or EnclsLeaf.Ewb)
        {
            _ = _occupants.Remove(page);
            _ = leaf == EnclsLeaf.Eremove && found.Item2 == found.Item1.SecsPage && _living.Remove(page);
            return;
        }

        _occupants[page] = found;
        Note(history, page);
    }

    public void Measured(EpcPage page, LinearAddress address, int length) => next.Measured(page, address, length);

    public void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result)
    {
        next.EncluExecuted(leaf, processor, address, result);
        Count(leaf.ToString(), result);
        if (leaf is EncluLeaf.Eenter or EncluLeaf.Eresume && result.IsSuccess
            && _living.TryGetValue(processor.Secs, out EnclaveHistory? entered))
        {
            _inside[processor] = (entered, processor.Tcs);
        }

        if (!_inside.TryGetValue(processor, out (EnclaveHistory Enclave, LinearAddress Tcs) inside))
        {
            return;
        }

        if (leaf is EncluLeaf.Eenter or EncluLeaf.Eresume or EncluLeaf.Eexit)
        {
            if (result.IsSuccess)
            {
                inside.Enclave.Page(inside.Tcs).Crossed(leaf);
            }
        }
        else if (leaf is EncluLeaf.Eaccept or EncluLeaf.Emodpe or EncluLeaf.Eacceptcopy && inside.Enclave.Contains(address))
        {
            PageHistory history = inside.Enclave.Page(address);
            history.Add(Named(leaf.ToString(), result));
            if (result.Status == LeafStatus.Fault)
            {
                _refused[processor] = address.PageBase;
            }
            else if (PlaceOf(history) is { } page)
            {
                Note(history, page);
            }
        }
    }

    public void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address)
    {
        next.AexTaken(processor, vector, errorCode, address);
        string cause = vector is { } known ? MachineNames.Of(known) : "interrupt";
        Exits[cause] = Exits.GetValueOrDefault(cause) + 1;
        if (!_inside.TryGetValue(processor, out (EnclaveHistory Enclave, LinearAddress Tcs) inside))
        {
            return;
        }

        inside.Enclave.Page(inside.Tcs).Exits++;

        // The fault of a leaf has been noted with the leaf.
        bool ofLeaf = _refused.Remove(processor, out LinearAddress refused) && refused == address.PageBase;
        if (vector == ExceptionVector.PageFault && !ofLeaf && inside.Enclave.Contains(address))
        {
            var code = (PageFaultErrorCode)errorCode;
            string access = code.HasFlag(PageFaultErrorCode.InstructionFetch) ? "fetch" : code.HasFlag(PageFaultErrorCode.Write)
                ? "write" : "read";
            inside.Enclave.Page(address).Add($"{access} (#PF)");
        }
    }

    public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found) =>
        next.EnclaveRefused(leaf, secs, sigstruct, field, expected, found);

    private (EnclaveHistory Enclave, PageHistory Page)? PageOf(EnclsLeaf leaf, EpcPage page, LinearAddress address)
    {
        if (leaf == EnclsLeaf.Ecreate)
        {
            var created = new EnclaveHistory(page);
            ref readonly Secs secs = ref MemoryMarshal.AsRef<Secs>(machine.Memory[page]);
            (created.BaseAddress, created.Size) = (new LinearAddress(secs.BaseAddr), secs.Size);
            _enclaves.Add(created);
            _living[page] = created;
            return (created, created.SecsPage);
        }

        if (_occupants.TryGetValue(page, out (EnclaveHistory, PageHistory) known))
        {
            return known;
        }

        // A page that was just added or loaded. SECS and VA pages that come back from eviction are not followed.
        EpcPage owner = machine.Epcm.Contains(page) ? machine.Epcm[page].EnclaveSecs : EpcPage.None;
        return address.Value != 0 && _living.TryGetValue(owner, out EnclaveHistory? enclave) ? (enclave, enclave.Page(address)) : null;
    }

    private EpcPage? PlaceOf(PageHistory history)
    {
        foreach ((EpcPage page, (EnclaveHistory, PageHistory Page) occupant) in _occupants)
        {
            if (occupant.Page == history)
            {
                return page;
            }
        }

        return null;
    }

    private void Note(PageHistory history, EpcPage page)
    {
        ref readonly EpcmEntry entry = ref machine.Epcm[page];
        if (entry.Valid)
        {
            history.Became(entry.PageType, entry.SecinfoFlags);
        }
    }

    private void Count(string leaf, LeafResult result)
    {
        (int executed, int refused) = Leaves.GetValueOrDefault(leaf.ToUpperInvariant());
        Leaves[leaf.ToUpperInvariant()] = result.IsSuccess ? (executed + 1, refused) : (executed, refused + 1);
    }

    private static string Named(string leaf, LeafResult result) => leaf.ToUpperInvariant() + result.Status switch
    {
        LeafStatus.Success => "",
        LeafStatus.Error => $" ({result.Error})",
        _ => $" ({MachineNames.Of(result.Fault.Vector)})",
    };
}
