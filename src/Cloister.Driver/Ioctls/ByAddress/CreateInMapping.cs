using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>SGX_IOC_ENCLAVE_CREATE of the drivers before v20: the enclave fills a mapping exactly (sgx_encl_create).</summary>
internal sealed class CreateInMapping(IoctlCall call) : AddressIoctl<SgxEnclaveCreate>(call)
{
    protected override long? Begin()
    {
        var source = Driver.State.ScratchPage;
        long uncopied = CopyFromUser(Parameters.Src, source);
        if (uncopied != 0)
        {
            return uncopied;
        }

        ref readonly var secs = ref MemoryMarshal.AsRef<Secs>(source);
        return -(long)Create(source, in secs);
    }

    private Errno Create(ReadOnlySpan<byte> source, in Secs secs)
    {
        if (!SecsCheck.IsValid(in secs, Driver.Machine.Options))
        {
            return Errno.EINVAL;
        }

        // RFC v3 4/4: without a registered handler no enclave.
        if (Driver.State.Rules.NeedsEncluHandler && !Driver.State.EncluHandlers.ContainsKey(Caller.AddressSpace))
        {
            return Errno.EFAULT;
        }

        // Linux v16, sgx_encl_create: the mapping must be the enclave's range and have no enclave.
        var start = new LinearAddress(secs.BaseAddr);
        var target = Driver.State.FindMapped(Caller.AddressSpace, start);
        bool fits = target is { IsCreated: false, Mapping: { } mapping }
            && mapping.Start == start
            && mapping.End == start + secs.Size;
        return fits ? new EnclaveCreation(Driver, this).Create(target!, source, in secs, Errno.EFAULT) : Errno.EINVAL;
    }
}
