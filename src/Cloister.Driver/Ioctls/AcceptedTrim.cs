using Cloister.Architecture;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls;

/// <summary>
/// Whether the enclave has accepted that a page is trimmed. The driver cannot see the EPCM: an EMODPR that changes
/// nothing gives SGX_PAGE_NOT_MODIFIABLE before EACCEPT and #PF after (Linux, sgx_encl_remove_pages; SDM 3D, EMODPR).
/// </summary>
internal static class AcceptedTrim
{
    public static bool IsAccepted(SgxMachine machine, EpcPage page)
    {
        var probe = new Secinfo(SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.X);
        var result = Emodpr.Execute(machine, page, in probe);
        return result.Status == LeafStatus.Fault && result.Fault.Vector == ExceptionVector.PageFault;
    }
}
