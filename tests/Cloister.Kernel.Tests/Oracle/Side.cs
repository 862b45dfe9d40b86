using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Kernel.Tests.Oracle;

/// <summary>One of the two machines that do the same: a processor, a driver over it, and what the driver asks of the kernel.</summary>
internal abstract class Side : IMachineObserver, IDisposable
{
    protected Side(int epcPages, IReadOnlyList<InjectedLeaf> codes)
    {
        var options = new MachineOptions { RootKey = new byte[32], Injected = codes };
        Machine = new SgxMachine(options, new ArrayEpcMemory(epcPages)) { Observer = this };
    }

    public SgxMachine Machine { get; }

    public UserMemory User { get; } = new();

    public Dictionary<int, Space> Spaces { get; } = [];

    public Dictionary<int, EnclaveThread> Threads { get; } = [];

    /// <summary>The leaves of ENCLS since the list was emptied, in words.</summary>
    public List<string> Leaves { get; } = [];

    /// <summary>A signal comes when so many pages were added or changed; negative: none.</summary>
    public int SignalAfter { get; set; } = -1;

    /// <summary>Power is lost when so many pages were added or changed; negative: never.</summary>
    public int PowerAfter { get; set; } = -1;

    /// <summary>What happened that never should: WARNs.</summary>
    public List<string> Complaints { get; } = [];

    protected bool IsSignalPending => SignalAfter == 0;

    public abstract bool Open(OpenFile file);

    /// <summary>The descriptor goes.</summary>
    public abstract void Close(OpenFile file);

    /// <summary>The descriptor and the last mapping are gone.</summary>
    public abstract void Release(OpenFile file);

    public abstract long Ioctl(Process process, OpenFile file, uint command, ulong argument);

    public abstract int Map(Process process, OpenFile file, ulong start, ulong end, Protection protection, ulong offset, bool isPrivate);

    public abstract void Unmap(Process process, ulong start, ulong end);

    public abstract int Protect(Process process, ulong start, ulong end, Protection protection);

    public abstract void Begin(Process process);

    public abstract void Fork(Process parent, Process child);

    public abstract void Exit(Process process);

    /// <summary>A page fault where nothing is installed: whether it is now.</summary>
    public abstract VmFault Fault(Process process, ulong address, AccessKind access);

    public abstract long Access(Process process, ulong address, Span<byte> data, bool isWrite);

    /// <summary>The kernel's threads have their time.</summary>
    public abstract void Idle();

    public abstract void Dispose();

    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
        if (result.IsSuccess && leaf is EnclsLeaf.Eadd or EnclsLeaf.Emodpr or EnclsLeaf.Emodt && SignalAfter > 0)
        {
            SignalAfter--;
        }

        if (result.IsSuccess && leaf is EnclsLeaf.Eadd or EnclsLeaf.Emodpr or EnclsLeaf.Emodt or EnclsLeaf.Eaug && PowerAfter > 0
            && --PowerAfter == 0)
        {
            ForceExits(_ => true);
            Machine.LosePower();
        }

        // EREMOVE of what is not there does nothing, and whether it is asked for is the driver's own affair. Of a page's sixteen EEXTENDs
        // the first is told, as Cloister's driver has them. A page outside the enclave, mapped before EINIT, the kernel has EAUG refuse,
        // and Cloister does not try. A page that was lost with the power and has a version array from before the kernel tries to load.
        if (leaf != EnclsLeaf.Eremove && !(leaf == EnclsLeaf.Eextend && address.PageOffset != 0)
            && !(leaf == EnclsLeaf.Eaug && !result.IsSuccess) && !(leaf == EnclsLeaf.Eldu && result.Status == LeafStatus.Fault))
        {
            Leaves.Add($"{leaf} {address.Value:x} {result.Status} {result.Error}");
        }
    }

    protected void ForceExits(Predicate<EnclaveThread> which)
    {
        foreach (EnclaveThread thread in Threads.Values.Where(thread => which(thread)))
        {
            thread.Interrupt();
        }
    }
}
