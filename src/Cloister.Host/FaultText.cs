using Cloister.Architecture;

namespace Cloister.Host;

/// <summary>
/// What an exception inside an enclave means. Sources: SDM 3A, "Interrupt and Exception Handling"; SDM 3D, "Enclave Access Control".
/// </summary>
internal static class FaultText
{
    public static string Describe(EnclaveFault fault, ulong baseAddress, ulong size)
    {
        if (fault.Vector != ExceptionVector.PageFault)
        {
            return $"exception {(int)fault.Vector} inside the enclave, error code 0x{fault.ErrorCode:x}: {Meaning(fault.Vector)}";
        }

        ulong offset = fault.Address.Value - baseAddress;
        string where = offset < size ? $"the enclave's offset 0x{offset:x}"
            : $"the address 0x{fault.Address.Value:x}, which is outside the enclave";
        var code = (PageFaultErrorCode)fault.ErrorCode;
        string what = code.HasFlag(PageFaultErrorCode.InstructionFetch) ? "instruction fetch from" : code.HasFlag(PageFaultErrorCode.Write)
            ? "write to" : "read of";
        string why = code switch
        {
            _ when code.HasFlag(PageFaultErrorCode.Sgx) =>
                "the EPCM refused it: the page is pending, modified or blocked, of another type, or has not that permission (EACCEPT or EMODPE cures it)",
            _ when code.HasFlag(PageFaultErrorCode.Present) => "the mapping does not permit it (mprotect)",
            _ => "there is no such page",
        };
        return $"page fault inside the enclave, error code 0x{fault.ErrorCode:x}, {what} {where}: {why}";
    }

    private static string Meaning(ExceptionVector vector) => vector switch
    {
        ExceptionVector.DivideError => "#DE, division by zero or a quotient that is too large",
        ExceptionVector.Debug => "#DB, a debug exception",
        ExceptionVector.Breakpoint => "#BP, a breakpoint",
        ExceptionVector.BoundRange => "#BR, a bound was exceeded",
        ExceptionVector.InvalidOpcode => "#UD, an instruction that does not exist or is not allowed inside an enclave",
        ExceptionVector.GeneralProtection =>
            "#GP, a general protection fault: a wrong address, or an instruction fetch outside the enclave",
        ExceptionVector.X87FloatingPoint => "#MF, an x87 floating-point exception",
        ExceptionVector.AlignmentCheck => "#AC, an unaligned access",
        ExceptionVector.SimdFloatingPoint => "#XM, a SIMD floating-point exception",
        ExceptionVector.ControlProtection => "#CP, a control protection fault",
        _ => vector.ToString(),
    };
}
