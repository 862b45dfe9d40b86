using Cloister.Architecture;
using Cloister.Driver.Uapi;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// SGX_IOC_ENCLAVE_MODIFY_TYPES: makes pages into TCS, or into TRIM to be removed (sgx_ioc_enclave_modify_types).
/// </summary>
internal sealed class EnclaveModifyTypes(IoctlCall call) : DynamicMemoryIoctl<SgxEnclaveModifyTypes>(call)
{
    private const ulong PageTypeMask = 0xff;

    private PageType NewType => (PageType)Parameters.PageType;

    protected override Errno CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        var error = ValidateOffsetLength(offset, length);
        if (error != Errno.None)
        {
            return error;
        }

        if ((Parameters.PageType & ~PageTypeMask) != 0)
        {
            return Errno.EINVAL;
        }

        return Parameters.Result != 0 || Parameters.Count != 0 ? Errno.EINVAL : Errno.None;
    }

    // Linux, sgx_enclave_modify_types: asked after the other checks, so the structure is copied back.
    protected override Errno Prepare() =>
        NewType is PageType.Tcs or PageType.Trim ? Errno.None : Errno.EINVAL;

    protected override Errno HandlePage(ulong pageNumber, ref EnclavePage page)
    {
        // SDM 3D, EMODT: a regular page becomes either, a TCS can only be trimmed.
        bool isAllowed = page.Type == PageType.Reg || (page.Type == PageType.Tcs && NewType == PageType.Trim);
        if (!isAllowed)
        {
            return Errno.EINVAL;
        }

        var before = page.MaximumProtection;
        if (page.Type == PageType.Reg && NewType == PageType.Tcs)
        {
            // Linux, sgx_enclave_modify_types: the processor reads and writes a TCS, which the page was not vetted for
            // unless it was built with both.
            const Protection ReadWrite = Protection.Read | Protection.Write;
            if ((before & ReadWrite) != ReadWrite)
            {
                return Errno.EPERM;
            }

            page.MaximumProtection = ReadWrite;
            Enclave.Zap(pageNumber);
        }

        var secinfo = new Secinfo(NewType, SecinfoFlags.None);
        var error = ErrnoOf(Emodt.Execute(Driver.Machine, page.Epc, in secinfo), ref Parameters.Result);
        if (error != Errno.None)
        {
            page.MaximumProtection = before;
            return error;
        }

        error = Driver.Memory.Track(Enclave);
        if (error == Errno.None)
        {
            page.Type = NewType;
        }

        return error;
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
