using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>SGX_IOC_ENCLAVE_ADD_PAGES: adds and measures pages before EINIT (sgx_ioc_enclave_add_pages).</summary>
internal sealed class EnclaveAddPages(IoctlCall call) : RangeIoctl<SgxEnclaveAddPages>(call)
{
    private const ulong PageMask = LinearAddress.PageSize - 1;

    private Secinfo _secinfo;

    protected override bool StopsForSignals => true;

    protected override Errno CheckEnclave() =>
        Enclave.IsCreated && !Enclave.IsInitialized ? Errno.None : Errno.EINVAL;

    protected override Errno CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        if ((Parameters.Src & PageMask) != 0)
        {
            return Errno.EINVAL;
        }

        var error = ValidateOffsetLength(offset, length);
        if (error != Errno.None)
        {
            return error;
        }

        return TryCopyFromUser(Parameters.Secinfo, ref _secinfo) ? SecinfoCheck.Validate(in _secinfo) : Errno.EFAULT;
    }

    protected override Errno HandlePage(ulong offset) =>
        new PageAddition(Driver, Enclave, Caller, this).Add(
            Parameters.Src + Done,
            offset,
            in _secinfo,
            measure: (Parameters.Flags & SgxEnclaveAddPages.Measure) != 0);

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
