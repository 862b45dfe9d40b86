using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// SGX_IOC_ENCLAVE_REMOVE_PAGES: removes pages that were trimmed and accepted (sgx_ioc_enclave_remove_pages).
/// </summary>
internal sealed class EnclaveRemovePages(IoctlCall call) : DynamicMemoryIoctl<SgxEnclaveRemovePages>(call)
{
    protected override DriverError CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        var error = ValidateOffsetLength(offset, length);
        if (error != DriverError.None)
        {
            return error;
        }

        return Parameters.Count != 0 ? Refuse(DriverError.EINVAL, IoctlRule.ResultsZero, Parameters.Count) : DriverError.None;
    }

    protected override DriverError HandlePage(ulong pageNumber, ref EnclavePage page)
    {
        if (page.Type != PageType.Trim)
        {
            return Refuse(DriverError.EPERM, IoctlRule.Trimmed, pageNumber << 12, (ulong)page.Type);
        }

        if (!AcceptedTrim.IsAccepted(Services.Machine, page.Epc))
        {
            return Refuse(DriverError.EPERM, IoctlRule.TrimAccepted, pageNumber << 12);
        }

        Enclave.Zap(pageNumber);
        Services.Memory.FreeResident(Enclave, pageNumber, page.Epc);
        Enclave.Pages.Remove(pageNumber);
        Services.Memory.Shrink(Enclave, added: false);
        Services.State.Counters.Removals++;
        return DriverError.None;
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
