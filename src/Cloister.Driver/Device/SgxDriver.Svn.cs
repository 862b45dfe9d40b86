using Cloister.Architecture;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Driver;

/// <content>A new CPUSVN without a power cycle.</content>
public sealed partial class SgxDriver
{
    /// <summary>
    /// Comes before each open of a file that gives EPC pages. Where nobody has one open, the EPC is empty, and the driver takes over the
    /// CPUSVN of microcode that was loaded since, if <see cref="DriverOptions.UpdatesSvn"/> says so. Linux 6.19, sgx_inc_usage_count and
    /// sgx_update_svn.
    /// </summary>
    /// <returns>None, or EIO when EUPDATESVN fails otherwise than for want of something newer.</returns>
    public DriverError BeginUse()
    {
        bool isFirst = State.EnclaveCount == 0 && _virtualEpcs.Count == 0;
        if (!Options.UpdatesSvn || !isFirst || !Machine.Options.Eupdatesvn)
        {
            return DriverError.None;
        }

        LeafResult result = Eupdatesvn.Execute(Machine);
        return result.IsSuccess || result.Error == SgxError.NoUpdate ? DriverError.None : DriverError.EIO;
    }
}
