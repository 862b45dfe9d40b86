using Cloister.Architecture;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>SGX_IOC_PAGE_MODT of EDMM V1 (sgx_ioc_page_modt).</summary>
internal sealed class PageModt(IoctlCall call) : TypeModification<SgxPageModt>(call)
{
    private const ulong PageTypeMask = 0xff;

    protected override PageType NewType => (PageType)Parameters.Type;

    protected override ref ulong LeafError => ref Parameters.Result;

    protected override DriverError CheckParameters(out ulong offset, out ulong length)
    {
        (offset, length) = (Parameters.Offset, Parameters.Length);
        var error = ValidateOffsetLength(offset, length);
        if (error != DriverError.None)
        {
            return error;
        }

        if ((Parameters.Type & ~PageTypeMask) != 0)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.NewType, Parameters.Type);
        }

        return Parameters.Result != 0 || Parameters.Count != 0
            ? Refuse(DriverError.EINVAL, IoctlRule.ResultsZero, Parameters.Result | Parameters.Count) : DriverError.None;
    }

    protected override void SetCount(ulong count) => Parameters.Count = count;
}
