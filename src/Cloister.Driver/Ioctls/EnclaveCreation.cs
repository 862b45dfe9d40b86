using Cloister.Architecture;
using Cloister.Driver.Services;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls;

/// <summary>ECREATE with what goes around it (sgx_encl_create), for every CREATE.</summary>
internal readonly struct EnclaveCreation(DriverServices services, ISignals signals)
{
    /// <summary>Creates the enclave.</summary>
    /// <param name="enclave">An open file without one.</param>
    /// <param name="source">The SECS page as the program gave it.</param>
    /// <param name="secs">The same.</param>
    /// <param name="refusal">What it is when ECREATE faults.</param>
    public DriverError Create(SgxEnclave enclave, ReadOnlySpan<byte> source, in Secs secs, DriverError refusal)
    {
        var error = services.Memory.Grow(enclave, reclaim: true, signals, out bool added);
        if (error != DriverError.None)
        {
            return error;
        }

        error = CreateSecs(enclave, source, in secs, refusal);
        if (error != DriverError.None)
        {
            services.Memory.Shrink(enclave, added);
        }

        return error;
    }

    private DriverError CreateSecs(SgxEnclave enclave, ReadOnlySpan<byte> source, in Secs secs, DriverError refusal)
    {
        // Linux, __shmem_file_setup: the backing file, a page and 1/32 more than the enclave, must not pass 2^63 - 1 bytes.
        ulong backing = unchecked(secs.Size + LinearAddress.PageSize);
        if (unchecked((long)(backing + (backing >> 5))) < 0)
        {
            return services.State.Refuse(DriverError.EINVAL, IoctlRule.SizeBacked, secs.Size);
        }

        var error = services.Epc.Allocate(reclaim: true, signals, out var page);
        if (error != DriverError.None)
        {
            return error;
        }

        if (Ecreate.Execute(services.Machine, source, default, page) is { IsSuccess: false })
        {
            services.Epc.Free(page, EpcPage.None);
            return services.State.Refuse(refusal, IoctlRule.SecsLegal);
        }

        enclave.Secs = EnclavePage.NotAnywhere with { EpcIndex = page.Index, Type = PageType.Secs };
        enclave.IsDebug = (secs.Attributes.Flags & AttributeFlags.Debug) != 0;
        enclave.Base = new LinearAddress(secs.BaseAddr);
        enclave.Size = secs.Size;
        enclave.Attributes = secs.Attributes.Flags;

        // Linux, sgx_encl_create: set here, so that a PROVISION before CREATE counts for nothing.
        enclave.AllowedAttributes = services.State.Rules.UnprivilegedAttributes;
        enclave.Eid = services.Machine.EidOf(page);
        enclave.IsCreated = true;
        return DriverError.None;
    }
}
