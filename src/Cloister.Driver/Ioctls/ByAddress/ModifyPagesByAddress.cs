using Cloister.Architecture;
using Cloister.Driver.Uapi;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>
/// SGX_IOC_ENCLAVE_MODIFY_PAGES of the 2018 tree: permissions or type of a range (sgx_encl_modify_pages). As posted it
/// refused both operations, never ended, would not trim and left the pages blocked; this does what its comment says.
/// </summary>
internal sealed class ModifyPagesByAddress(IoctlCall call) : AddressRangeIoctl<SgxEnclaveModifyPages>(call)
{
    private const byte ModifyPermissions = 0;
    private const byte ModifyTypes = 1;

    private Secinfo _secinfo;

    protected override long? Begin()
    {
        if (Parameters.Op is not (ModifyPermissions or ModifyTypes))
        {
            return -(long)Refuse(DriverError.EINVAL, IoctlRule.KnownOperation, Parameters.Op);
        }

        if (!TryCopySecinfo(Parameters.Secinfo, ref _secinfo))
        {
            return -(long)DriverError.EFAULT;
        }

        long result = Find(Parameters.Addr);
        if (result != 0)
        {
            return result;
        }

        if (!IsRange(Parameters.Addr, Parameters.Length))
        {
            return -(long)DriverError.EINVAL;
        }

        bool isType = _secinfo.PageType is PageType.Tcs or PageType.Reg or PageType.Trim;
        var rule = (_secinfo.Flags & ~(SecinfoFlags.PermissionMask | SecinfoFlags.PageTypeMask)) != 0
            || !SecinfoValidation.IsReservedZero(in _secinfo) ? IoctlRule.SecinfoReserved
            : (_secinfo.Flags & (SecinfoFlags.R | SecinfoFlags.W)) == SecinfoFlags.W ? IoctlRule.WriteNeedsRead
            : !isType ? IoctlRule.NewType
            : Target!.IsInitialized ? IoctlRule.None
            : IoctlRule.Initialized;
        if (rule != IoctlRule.None)
        {
            ulong found = rule == IoctlRule.NewType ? (ulong)_secinfo.PageType : (ulong)_secinfo.Flags;
            return -(long)Refuse(DriverError.EINVAL, rule, found);
        }

        SetRange(Parameters.Addr >> 12, Parameters.Length >> 12);
        return null;
    }

    protected override long HandlePage(ulong pageNumber)
    {
        var enclave = Target!;
        var error = Load(pageNumber);
        if (error != DriverError.None)
        {
            return -(long)error;
        }

        enclave.Zap(pageNumber);
        ref var page = ref enclave.Pages.TryGet(pageNumber, out _);
        var permissions = new Secinfo(_secinfo.Permissions);
        var type = new Secinfo(_secinfo.PageType, SecinfoFlags.None);
        var result = Parameters.Op == ModifyPermissions
            ? Emodpr.Execute(Services.Machine, page.Epc, in permissions)
            : Emodt.Execute(Services.Machine, page.Epc, in type);
        if (!result.IsSuccess)
        {
            // Linux v16, SGX_INVD: an enclave that a leaf refuses is killed.
            Services.Memory.Invalidate(enclave);
            return ResultOf(result);
        }

        if (Parameters.Op == ModifyTypes)
        {
            page.Type = _secinfo.PageType;
        }

        return -(long)Services.Memory.Track(enclave);
    }
}
