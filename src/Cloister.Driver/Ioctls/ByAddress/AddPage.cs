using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>
/// SGX_IOC_ENCLAVE_ADD_PAGE: queues a page for the worker thread; what goes wrong there shows in INIT
/// (sgx_ioc_enclave_add_page).
/// </summary>
internal sealed class AddPage(IoctlCall call) : AddressIoctl<SgxEnclaveAddPage>(call)
{
    private readonly byte[] _contents = new byte[LinearAddress.PageSize];
    private Secinfo _secinfo;

    protected override long? Begin()
    {
        long result = Find(Parameters.Addr);
        if (result != 0)
        {
            return result;
        }

        if (!TryCopySecinfo(Parameters.Secinfo, ref _secinfo))
        {
            return -(long)DriverError.EFAULT;
        }

        long uncopied = CopyFromUser(Parameters.Src, _contents);
        if (uncopied != 0)
        {
            return uncopied;
        }

        var error = Check();
        return error == DriverError.None ? null : -(long)error;
    }

    protected override long? GoOn(int pageBudget) => -(long)Queue(Target!);

    // sgx_validate_secinfo and sgx_validate_tcs of 2018.
    private DriverError Check()
    {
        var rule = (_secinfo.Flags & ~(SecinfoFlags.PermissionMask | SecinfoFlags.PageTypeMask)) != 0
            || !SecinfoValidation.IsReservedZero(in _secinfo) ? IoctlRule.SecinfoReserved
            : (_secinfo.Flags & (SecinfoFlags.R | SecinfoFlags.W)) == SecinfoFlags.W ? IoctlRule.WriteNeedsRead
            : _secinfo.PageType is PageType.Tcs or PageType.Reg ? IoctlRule.None
            : IoctlRule.SecinfoType;
        if (rule != IoctlRule.None)
        {
            return Refuse(DriverError.EINVAL, rule, (ulong)_secinfo.Flags);
        }

        bool isBad = _secinfo.PageType == PageType.Tcs && !IsValid(in MemoryMarshal.AsRef<Tcs>(_contents.AsSpan()));
        return isBad ? Refuse(DriverError.EINVAL, IoctlRule.TcsLegal) : DriverError.None;
    }

    private bool IsValid(in Tcs tcs)
    {
        const uint LimitMask = 0xfff;
        return tcs.Flags == 0
            && IsOffset(tcs.Ossa)
            && IsOffset(tcs.Ofsbase)
            && IsOffset(tcs.Ogsbase)
            && (tcs.Fslimit & LimitMask) == LimitMask
            && (tcs.Gslimit & LimitMask) == LimitMask
            && !_contents.AsSpan(72).ContainsAnyExcept((byte)0);
    }

    private bool IsOffset(ulong offset) => (offset & (LinearAddress.PageSize - 1)) == 0 && offset < Target!.Size;

    private DriverError Queue(SgxEnclave enclave)
    {
        var error = Services.Memory.Grow(enclave, reclaim: true, this, out bool added);
        if (error != DriverError.None)
        {
            return error;
        }

        error = enclave.IsInitialized ? Refuse(DriverError.EINVAL, IoctlRule.NotInitializedYet)
            : enclave.IsDead ? Refuse(DriverError.EINVAL, IoctlRule.Alive)
            : DriverError.None;
        var record = EnclavePage.NotAnywhere with
        {
            Type = _secinfo.PageType,
            MaximumProtection = SecinfoValidation.MaximumProtection(in _secinfo),
            RunProtection = SecinfoValidation.MaximumProtection(in _secinfo),
        };
        if (error == DriverError.None && !enclave.Pages.TryAdd(Parameters.Addr >> 12, in record))
        {
            error = Refuse(DriverError.EEXIST, IoctlRule.PageFree, Parameters.Addr - enclave.Base.Value);
        }

        if (error != DriverError.None)
        {
            Services.Memory.Shrink(enclave, added);
            return error;
        }

        // "The enclave build process also utilizes the backing as temp storage" (7 November 2018).
        int backing = enclave.Backing.Rent(enclave.IndexOf(Parameters.Addr >> 12));
        _contents.CopyTo(enclave.Backing.Contents(backing));
        if (!enclave.Backing.Commit(backing))
        {
            enclave.Pages.Remove(Parameters.Addr >> 12);
            Services.Memory.Shrink(enclave, added);
            return Refuse(DriverError.EFAULT, IoctlRule.BackingWritable);
        }

        enclave.Pages.TryGet(Parameters.Addr >> 12, out _).Backing = backing;
        enclave.AddRequests.Enqueue(new AddRequest(Parameters.Addr >> 12, _secinfo, Parameters.Mrmask));
        return DriverError.None;
    }
}
