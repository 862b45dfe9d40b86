using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Linux.Kernel;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Kernel.Tests.Oracle;

/// <summary>ENCLS as the kernel's driver executes it, answered by Cloister's leaves.</summary>
internal sealed class LeafGateway(SgxMachine machine)
{
    // What the kernel's wrapper makes of an exception: SGX_ENCLS_FAULT_FLAG and the vector.
    private const int FaultFlag = 0x40000000;

    /// <summary>Where the driver believes the EPC to be.</summary>
    public ulong Epc { get; set; }

    /// <summary>The SECS that ETRACK was executed for last.</summary>
    public EpcPage Tracked { get; private set; } = EpcPage.None;

    public int Execute(uint leaf, ulong rbx, ulong rcx, ulong rdx, out ulong rbxOut)
    {
        rbxOut = 0;
        EpcPage page = PageAt(rcx);
        int offset = (int)(rcx & 4095);
        switch ((EnclsLeaf)leaf)
        {
            case EnclsLeaf.Ecreate:
                return Result(Ecreate.Execute(machine, Bytes(Info(rbx).Source, 4096), Secinfo(Info(rbx).Metadata), page));
            case EnclsLeaf.Eadd:
                return Result(Eadd.Execute(machine, PageAt(Info(rbx).Secs), new LinearAddress(Info(rbx).Address), Secinfo(Info(rbx).Metadata), Bytes(Info(rbx).Source, 4096), page));
            case EnclsLeaf.Einit:
                return Result(Einit.Execute(machine, Bytes(rbx, 1808), Bytes(rdx, 304), page));
            case EnclsLeaf.Eremove:
                return Result(Eremove.Execute(machine, page));
            case EnclsLeaf.Edbgrd:
                return Result(Edbgrd.Execute(machine, page, offset, out rbxOut));
            case EnclsLeaf.Edbgwr:
                return Result(Edbgwr.Execute(machine, page, offset, rbx));
            case EnclsLeaf.Eextend:
                return Result(Eextend.Execute(machine, page, offset));
            case EnclsLeaf.Eldu:
                PageInfo load = Info(rbx);
                return Result(Eldu.Execute(machine, load.Secs == 0 ? EpcPage.None : PageAt(load.Secs), new LinearAddress(load.Address), Bytes(load.Source, 4096), Bytes(load.Metadata, 128),
                    PageAt(rdx), (int)(rdx & 4095) / 8, page));
            case EnclsLeaf.Eblock:
                return Result(Eblock.Execute(machine, page));
            case EnclsLeaf.Epa:
                return Result(Epa.Execute(machine, page));
            case EnclsLeaf.Ewb:
                PageInfo write = Info(rbx);
                LeafResult written = Ewb.Execute(machine, page, PageAt(rdx), (int)(rdx & 4095) / 8, Bytes(write.Source, 4096), Bytes(write.Metadata, 128), out LinearAddress address);
                MemoryMarshal.Write(Bytes(rbx, 8), address.Value);
                return Result(written);
            case EnclsLeaf.Etrack:
                Tracked = page;
                return Result(Etrack.Execute(machine, page));
            case EnclsLeaf.Eaug:
                return Result(Eaug.Execute(machine, PageAt(Info(rbx).Secs), new LinearAddress(Info(rbx).Address), Info(rbx).Metadata == 0 ? null : Secinfo(Info(rbx).Metadata), page));
            case EnclsLeaf.Emodpr:
                return Result(Emodpr.Execute(machine, page, Secinfo(rbx)));
            case EnclsLeaf.Emodt:
                return Result(Emodt.Execute(machine, page, Secinfo(rbx)));
            default:
                return FaultFlag | (int)ExceptionVector.GeneralProtection;
        }
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

    private EpcPage PageAt(ulong address) => new((int)((address - Epc) >> 12));

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct PageInfo
    {
        public readonly ulong Address, Source, Metadata, Secs;
    }
}
