using System.Numerics;
using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Uapi;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls;

/// <summary>SGX_IOC_ENCLAVE_CREATE: builds the SECS (sgx_ioc_enclave_create, sgx_encl_create).</summary>
internal sealed class EnclaveCreate(IoctlCall call) : EnclaveIoctl(call)
{
    protected override long? Advance(int pageBudget) => -(long)Execute();

    private Errno Execute()
    {
        if (Enclave.IsCreated)
        {
            return Errno.EINVAL;
        }

        var parameters = default(SgxEnclaveCreate);
        if (!TryCopyParameters(ref parameters))
        {
            return Errno.EFAULT;
        }

        var source = Driver.State.ScratchPage;
        if (!Caller.CopyFromUser(parameters.Src, source))
        {
            return Errno.EFAULT;
        }

        ref readonly var secs = ref MemoryMarshal.AsRef<Secs>(source);
        return Create(source, in secs);
    }

    private Errno Create(ReadOnlySpan<byte> source, in Secs secs)
    {
        // Linux, sgx_encl_create: ECREATE would fault, the kernel says it first.
        if (!BitOperations.IsPow2(secs.Size))
        {
            return Errno.EINVAL;
        }

        var error = Driver.Memory.Grow(Enclave, reclaim: true, this, out bool added);
        if (error != Errno.None)
        {
            return error;
        }

        error = CreateSecs(source, in secs);
        if (error != Errno.None)
        {
            Driver.Memory.Shrink(Enclave, added);
        }

        return error;
    }

    private Errno CreateSecs(ReadOnlySpan<byte> source, in Secs secs)
    {
        // Linux, __shmem_file_setup: the backing file, a page and 1/32 more than the enclave, must not pass 2^63 - 1 bytes.
        ulong backing = unchecked(secs.Size + LinearAddress.PageSize);
        if (unchecked((long)(backing + (backing >> 5))) < 0)
        {
            return Errno.EINVAL;
        }

        var error = Driver.Epc.Allocate(reclaim: true, this, out var page);
        if (error != Errno.None)
        {
            return error;
        }

        if (Ecreate.Execute(Driver.Machine, source, default, page) is { IsSuccess: false })
        {
            Driver.Epc.Free(page, EpcPage.None);
            return Errno.EIO;
        }

        Enclave.Secs = EnclavePage.NotAnywhere with { EpcIndex = page.Index, Type = PageType.Secs };
        Enclave.IsDebug = (secs.Attributes.Flags & AttributeFlags.Debug) != 0;
        Enclave.Base = new LinearAddress(secs.BaseAddr);
        Enclave.Size = secs.Size;
        Enclave.Attributes = secs.Attributes.Flags;

        // Linux, sgx_encl_create: set here, so that a PROVISION before CREATE counts for nothing.
        Enclave.AllowedAttributes = Driver.State.Rules.UnprivilegedAttributes;
        Enclave.IsCreated = true;
        return Errno.None;
    }
}
