using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Engine.Kernel;

/// <summary>Which page of the EPC is which enclave's, as the leaves show it, and where its bytes lie.</summary>
/// <remarks>The driver knows addresses of the EPC only. A page moves into an enclave's file before the leaf that fills it, and out of it
/// after the one that takes it away.</remarks>
internal sealed class EnclaveBooks(SgxMachine machine)
{
    private readonly EpcArray<(KernelEnclave? Enclave, ulong Page)> _owners = new(machine.Memory.PageCount);
    private readonly Dictionary<EpcPage, KernelEnclave> _bySecs = [];
    private readonly Dictionary<ulong, KernelEnclave> _byEid = [];

    /// <summary>Whose ioctl is under way.</summary>
    public KernelEnclave? Current { get; set; }

    /// <summary>Whether that is SGX_IOC_ENCLAVE_REMOVE_PAGES.</summary>
    public bool IsRemoving { get; set; }

    /// <summary>Pages added by EADD.</summary>
    public long Adds { get; private set; }

    /// <summary>Pages added by EAUG.</summary>
    public long Augments { get; private set; }

    /// <summary>Pages written out by EWB, SECS included.</summary>
    public long Evictions { get; private set; }

    /// <summary>Pages brought back by ELDU, SECS included.</summary>
    public long Loads { get; private set; }

    /// <summary>Pages removed by REMOVE_PAGES.</summary>
    public long Removals { get; private set; }

    /// <summary>Pages that are written out now.</summary>
    public int WrittenOut => _byEid.Values.Sum(enclave =>
        enclave.PageCount - enclave.ResidentPageCount + (enclave.IsSecsWrittenOut ? 1 : 0));

    /// <summary>Pages that could be written out.</summary>
    public int Resident { get; private set; }

    /// <summary>ECREATE was executed.</summary>
    public void Created(EpcPage page)
    {
        if (Current is { } enclave)
        {
            enclave.NoteCreated(machine.EidOf(page), page, SecsAt(page));
            (_bySecs[page], _byEid[enclave.Eid]) = (enclave, enclave);
        }
    }

    /// <summary>EINIT was executed.</summary>
    public void Initialized(EpcPage secs, ReadOnlySpan<byte> sigstruct)
    {
        if (_bySecs.TryGetValue(secs, out KernelEnclave? enclave))
        {
            enclave.NoteInitialized(sigstruct, SecsAt(secs));
        }
    }

    /// <summary>A page is about to be filled, by EADD, EAUG or ELDU.</summary>
    /// <returns>Whether it was placed.</returns>
    public bool Place(EpcPage page, EpcPage secs, LinearAddress address)
    {
        if (!_bySecs.TryGetValue(secs, out KernelEnclave? enclave) || !machine.Epcm.Contains(page)
            || _owners[page.Index].Enclave is not null || address - enclave.Base >= enclave.Size)
        {
            return false;
        }

        _owners[page.Index] = (enclave, address.Value >> 12);
        enclave.Storage.Place(page, address.PageBase - enclave.Base);
        return true;
    }

    /// <summary>It was not filled.</summary>
    public void TakeBack(EpcPage page)
    {
        (KernelEnclave? enclave, ulong number) = _owners[page.Index];
        _owners[page.Index] = default;
        enclave!.Storage.Remove(page, Offset(enclave, number));
    }

    /// <summary>EADD or EAUG was executed.</summary>
    public void Added(EpcPage page, in Secinfo? secinfo)
    {
        (Adds, Augments) = secinfo is null ? (Adds, Augments + 1) : (Adds + 1, Augments);
        const SecinfoFlags everything = SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.X;
        NoteResident(page, new KernelPage(page, secinfo?.PageType ?? PageType.Reg, secinfo?.Permissions ?? everything));
    }

    /// <summary>ELDU was executed.</summary>
    public void Loaded(EpcPage page)
    {
        Loads++;
        if (machine.Epcm[page].PageType == PageType.Secs)
        {
            if (_byEid.TryGetValue(machine.EidOf(page), out KernelEnclave? created))
            {
                (_bySecs[page], created.SecsPage, created.IsSecsWrittenOut) = (created, page, false);
            }
        }
        else if (_owners[page.Index] is ({ } enclave, var number))
        {
            NoteResident(page, enclave.Pages.GetValueOrDefault(number) with { Epc = page });
        }
    }

    /// <summary>EWB was executed, or there was nothing to write after a loss of power.</summary>
    public void WroteOut(EpcPage page, bool wasThere)
    {
        Evictions += wasThere ? 1 : 0;
        if (_bySecs.Remove(page, out KernelEnclave? created))
        {
            (created.SecsPage, created.IsSecsWrittenOut) = (EpcPage.None, wasThere);
        }
        else if (TakeOut(page) is ({ } enclave, var number))
        {
            enclave.Pages[number] = enclave.Pages[number] with { Epc = EpcPage.None };
        }
    }

    /// <summary>EREMOVE was executed.</summary>
    public void Removed(EpcPage page)
    {
        if (_bySecs.Remove(page, out KernelEnclave? created))
        {
            created.SecsPage = EpcPage.None;
        }
        else if (TakeOut(page) is ({ } enclave, var number))
        {
            Removals += IsRemoving ? 1 : 0;
            enclave.Pages.Remove(number);
        }
    }

    /// <summary>A file is closed: what the driver may have forgotten is in it no more.</summary>
    public void Closed(KernelEnclave enclave)
    {
        foreach (KernelPage page in enclave.Pages.Values.Where(page => !page.Epc.IsNone).ToArray())
        {
            TakeOut(page.Epc);
        }

        enclave.Pages.Clear();
        _byEid.Remove(enclave.Eid);
    }

    private void NoteResident(EpcPage page, in KernelPage known)
    {
        if (_owners[page.Index] is ({ } enclave, var number))
        {
            enclave.Pages[number] = known;
            enclave.ResidentPageCount++;
            Resident++;
        }
    }

    private (KernelEnclave? Enclave, ulong Page) TakeOut(EpcPage page)
    {
        (KernelEnclave? enclave, ulong number) = _owners[page.Index];
        if (enclave is not null)
        {
            _owners[page.Index] = default;
            enclave.ResidentPageCount--;
            Resident--;
            enclave.Storage.Remove(page, Offset(enclave, number));
        }

        return (enclave, number);
    }

    private Secs SecsAt(EpcPage page) => MemoryMarshal.Read<Secs>(machine.Memory.Contents(page));

    private static ulong Offset(KernelEnclave enclave, ulong page) => new LinearAddress(page << 12) - enclave.Base;
}
