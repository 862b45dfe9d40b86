using Cloister.Architecture;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// SGX_IOC_VEPC_REMOVE_ALL: EREMOVE of every page of a virtual EPC, which stay with it (sgx_vepc_remove_all). The
/// result counts the SECS pages whose children came after them: call again.
/// </summary>
internal sealed class VepcRemoveAll(IoctlCall call) : IoctlOperation
{
    private readonly VirtualEpc _virtualEpc =
        call.VirtualEpc ?? throw new ArgumentException("The call is not on virtual EPC.", nameof(call));

    private ulong _next;
    private long _failures;

    protected override long? Advance(int pageBudget)
    {
        // Linux, sgx_vepc_ioctl
        if (call.Argument != 0)
        {
            return -(long)call.Services.State.Refuse(DriverError.EINVAL, IoctlRule.ArgumentZero, call.Argument);
        }

        for (; _virtualEpc.Pages.TryNext(ref _next, ulong.MaxValue); _next++)
        {
            if (pageBudget-- == 0)
            {
                return null;
            }

            var page = new EpcPage(_virtualEpc.Pages.TryGet(_next, out _));
            var result = Eremove.Execute(call.Services.Machine, page);
            if (result.Error == SgxError.ChildPresent)
            {
                _failures++;
            }
            else if (!result.IsSuccess)
            {
                return -(long)call.Services.State.Refuse(DriverError.EBUSY, IoctlRule.LeafSucceeds);
            }
        }

        return _failures;
    }
}
