using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>SGX_IOC_ENCLAVE_ADD_PAGES: adds and measures pages before EINIT (sgx_ioc_enclave_add_pages).</summary>
internal sealed class EnclaveAddPages : RangeIoctl<SgxEnclaveAddPages>
{
    private const ulong PageMask = LinearAddress.PageSize - 1;

    private readonly SourcePages _sources;
    private Secinfo _secinfo;
    private int _slice;

    public EnclaveAddPages(IoctlCall call)
        : base(call) => _sources = new SourcePages(Caller, Enclave);

    protected override bool StopsForSignals => true;

    protected override DriverError CheckEnclave() =>
        Enclave.IsCreated && !Enclave.IsInitialized ? DriverError.None
        : Refuse(DriverError.EINVAL, Enclave.IsCreated ? IoctlRule.NotInitializedYet : IoctlRule.Created);

    protected override DriverError CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        if ((Parameters.Src & PageMask) != 0)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.SourceAligned, Parameters.Src, LinearAddress.PageSize);
        }

        var error = ValidateOffsetLength(offset, length);
        if (error != DriverError.None)
        {
            return error;
        }

        if (!TryCopyFromUser(Parameters.Secinfo, ref _secinfo))
        {
            return Refuse(DriverError.EFAULT, IoctlRule.OperandReadable, Parameters.Secinfo);
        }

        error = SecinfoValidation.Validate(in _secinfo, out IoctlRule rule);
        return error == DriverError.None ? error : Refuse(error, rule, (ulong)_secinfo.Flags);
    }

    protected override long? Advance(int pageBudget)
    {
        _slice = pageBudget;
        long? result = base.Advance(pageBudget);
        _sources.Forget();
        return result;
    }

    protected override DriverError HandlePage(ulong offset)
    {
        int following = (int)Math.Min((ulong)_slice, (Parameters.Length - Done) / LinearAddress.PageSize);
        _slice--;
        return new PageAddition(Services, Enclave, Caller, this, _sources).Add(
            Parameters.Src + Done,
            offset,
            in _secinfo,
            measure: (Parameters.Flags & SgxEnclaveAddPages.Measure) != 0,
            following);
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
