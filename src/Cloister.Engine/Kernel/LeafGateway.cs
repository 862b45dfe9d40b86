using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Linux.Kernel;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Engine.Kernel;

/// <summary>ENCLS as the kernel's driver executes it, answered by the machine's leaves.</summary>
/// <param name="machine">The machine.</param>
/// <param name="books">Follows whose pages are whose; null where all of the EPC stays in one place.</param>
internal sealed class LeafGateway(SgxMachine machine, EnclaveBooks? books = null)
{
    // What the kernel's wrapper makes of an exception: SGX_ENCLS_FAULT_FLAG and the vector.
    private const int FaultFlag = 0x40000000;

    /// <summary>Where the driver believes the EPC to be.</summary>
    public ulong Epc { get; set; }

    /// <summary>The SECS that ETRACK was executed for last.</summary>
    public EpcPage Tracked { get; private set; } = EpcPage.None;

    /// <summary>Executes a leaf.</summary>
    /// <param name="leaf">EAX.</param>
    /// <param name="rbx">RBX, an address of the driver's or a value.</param>
    /// <param name="rcx">RCX, mostly an address in <see cref="Epc"/>.</param>
    /// <param name="rdx">RDX.</param>
    /// <param name="rbxOut">RBX afterwards.</param>
    /// <returns>0, an SGX error, or <see cref="FaultFlag"/> and the number of an exception.</returns>
    public int Execute(uint leaf, ulong rbx, ulong rcx, ulong rdx, out ulong rbxOut)
    {
        rbxOut = 0;
        EpcPage page = PageAt(rcx);
        int offset = (int)(rcx % LinearAddress.PageSize);
        switch ((EnclsLeaf)leaf)
        {
            case EnclsLeaf.Ecreate:
                LeafResult created =
                    Ecreate.Execute(machine, Bytes(Info(rbx).Source, LinearAddress.PageSize), Secinfo(Info(rbx).Metadata), page);
                if (created.IsSuccess)
                {
                    books?.Created(page);
                }

                return Result(created);
            case EnclsLeaf.Eadd:
                return Add(page, Info(rbx));
            case EnclsLeaf.Einit:
                Span<byte> sigstruct = Bytes(rbx, Sigstruct.SizeInBytes);
                LeafResult initialized = Einit.Execute(machine, sigstruct, Bytes(rdx, Einittoken.SizeInBytes), page);
                if (initialized.IsSuccess)
                {
                    books?.Initialized(page, sigstruct);
                }

                return Result(initialized);
            case EnclsLeaf.Eremove:
                LeafResult removed = Eremove.Execute(machine, page);
                if (removed.IsSuccess)
                {
                    books?.Removed(page);
                }

                return Result(removed);
            case EnclsLeaf.Edbgrd:
                return Result(Edbgrd.Execute(machine, page, offset, out rbxOut));
            case EnclsLeaf.Edbgwr:
                return Result(Edbgwr.Execute(machine, page, offset, rbx));
            case EnclsLeaf.Eextend:
                return Result(Eextend.Execute(machine, page, offset));
            case EnclsLeaf.Eldu:
                return Load(page, Info(rbx), PageAt(rdx), (int)(rdx % LinearAddress.PageSize) / 8);
            case EnclsLeaf.Eblock:
                return Result(Eblock.Execute(machine, page));
            case EnclsLeaf.Epa:
                return Result(Epa.Execute(machine, page));
            case EnclsLeaf.Ewb:
                return Write(page, rbx, PageAt(rdx), (int)(rdx % LinearAddress.PageSize) / 8);
            case EnclsLeaf.Etrack:
                Tracked = page;
                return Result(Etrack.Execute(machine, page));
            case EnclsLeaf.Eaug:
                return Augment(page, Info(rbx));
            case EnclsLeaf.Emodpr:
                return Result(Emodpr.Execute(machine, page, Secinfo(rbx)));
            case EnclsLeaf.Emodt:
                return Result(Emodt.Execute(machine, page, Secinfo(rbx)));
            default:
                return FaultFlag | (int)ExceptionVector.GeneralProtection;
        }
    }

    private int Add(EpcPage page, in PageInfo info)
    {
        EpcPage secs = PageAt(info.Secs);
        var address = new LinearAddress(info.Address);
        Secinfo secinfo = Secinfo(info.Metadata);
        bool isPlaced = books?.Place(page, secs, address) == true;
        LeafResult result = Eadd.Execute(machine, secs, address, secinfo, Bytes(info.Source, LinearAddress.PageSize), page);
        if (result.IsSuccess)
        {
            books?.Added(page, secinfo);
        }

        return Placed(result, isPlaced, page);
    }

    private int Augment(EpcPage page, in PageInfo info)
    {
        EpcPage secs = PageAt(info.Secs);
        var address = new LinearAddress(info.Address);
        bool isPlaced = books?.Place(page, secs, address) == true;
        LeafResult result = Eaug.Execute(machine, secs, address, info.Metadata == 0 ? null : Secinfo(info.Metadata), page);
        if (result.IsSuccess)
        {
            books?.Added(page, null);
        }

        return Placed(result, isPlaced, page);
    }

    private int Load(EpcPage page, in PageInfo info, EpcPage versions, int slot)
    {
        EpcPage secs = info.Secs == 0 ? EpcPage.None : PageAt(info.Secs);
        var address = new LinearAddress(info.Address);
        bool isPlaced = !secs.IsNone && books?.Place(page, secs, address) == true;
        LeafResult result = Eldu.Execute(machine, secs, address, Bytes(info.Source, LinearAddress.PageSize), Bytes(info.Metadata, 128),
            versions, slot, page);
        if (result.IsSuccess)
        {
            books?.Loaded(page);
        }

        return Placed(result, isPlaced, page);
    }

    private int Write(EpcPage page, ulong pageInfo, EpcPage versions, int slot)
    {
        PageInfo info = Info(pageInfo);
        LeafResult result = Ewb.Execute(
            machine, page, versions, slot, Bytes(info.Source, LinearAddress.PageSize), Bytes(info.Metadata, 128),
            out LinearAddress address);
        MemoryMarshal.Write(Bytes(pageInfo, 8), address.Value);
        if (result.IsSuccess || (machine.Epcm.Contains(page) && !machine.Epcm[page].Valid))
        {
            books?.WroteOut(page, result.IsSuccess);
        }

        return Result(result);
    }

    private int Placed(LeafResult result, bool isPlaced, EpcPage page)
    {
        if (isPlaced && !result.IsSuccess)
        {
            books!.TakeBack(page);
        }

        return Result(result);
    }

    private static int Result(LeafResult result) => result.Status switch
    {
        LeafStatus.Success => 0,
        LeafStatus.Error => (int)result.Error,
        _ => FaultFlag | (int)result.Fault.Vector,
    };

    private static Span<byte> Bytes(ulong address, int length) => KernelDriver.Memory(address, length);

    private static PageInfo Info(ulong address) => MemoryMarshal.Read<PageInfo>(Bytes(address, 32));

    private static Secinfo Secinfo(ulong address) => MemoryMarshal.Read<Secinfo>(Bytes(address, Architecture.Secinfo.SizeInBytes));

    // What is no page of the EPC is a number that the machine does not have.
    private EpcPage PageAt(ulong address) => new((int)Math.Min((address - Epc) / LinearAddress.PageSize, int.MaxValue));

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct PageInfo
    {
        public readonly ulong Address, Source, Metadata, Secs;
    }
}
