using Cloister.Architecture;
using Cloister.Linux;

namespace Cloister.Host.Tests;

public class TextTests
{
    [Theory]
    [InlineData(0x8007, "write to the enclave's offset 0x2000: the EPCM refused it")]
    [InlineData(0x8005, "read of the enclave's offset 0x2000: the EPCM refused it")]
    [InlineData(0x15, "instruction fetch from the enclave's offset 0x2000: the mapping does not permit it")]
    [InlineData(0x04, "read of the enclave's offset 0x2000: there is no such page")]
    public void Page_fault_says_what_was_done_where_and_why_not(ushort code, string expected)
    {
        var fault = new EnclaveFault(ExceptionVector.PageFault, code, new LinearAddress(0x102000));
        Assert.Contains(expected, FaultText.Describe(fault, 0x100000, 0x10000), StringComparison.Ordinal);
        Assert.Equal((code & 0x8000) != 0, fault.RefusedByEpcm);
    }

    [Fact]
    public void Only_a_page_fault_can_be_refused_by_the_epcm() =>
        Assert.False(new EnclaveFault(ExceptionVector.GeneralProtection, 0x8000, default).RefusedByEpcm);

    [Fact]
    public void Every_exception_has_a_text()
    {
        foreach (ExceptionVector vector in Enum.GetValues<ExceptionVector>())
        {
            Assert.Contains($"{(int)vector}", FaultText.Describe(new EnclaveFault(vector, 0, default), 0, 4096)
                + (vector == ExceptionVector.PageFault ? "14" : ""), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Operation_names_call_error_and_leafs_error()
    {
        var e = new EnclaveOperationException(Operations.Modify, Errno.EFAULT, (ulong)SgxError.PageNotModifiable, 4096);
        Assert.StartsWith("SGX_IOC_ENCLAVE_MODIFY_TYPES: EFAULT (the leaf's error code: 20, PageNotModifiable): ", e.Message,
            StringComparison.Ordinal);
        Assert.Equal((4096ul, 20ul), (e.BytesDone, e.SgxError));
    }
}
