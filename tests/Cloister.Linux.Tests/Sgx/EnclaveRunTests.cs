using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cloister.Linux.Tests.Sgx;

/// <summary>Offsets against uapi asm/sgx.h, struct sgx_enclave_run.</summary>
public class EnclaveRunTests
{
    [Theory]
    [InlineData(nameof(EnclaveRun.Tcs), 0)]
    [InlineData(nameof(EnclaveRun.Function), 8)]
    [InlineData(nameof(EnclaveRun.ExceptionVector), 12)]
    [InlineData(nameof(EnclaveRun.ExceptionErrorCode), 14)]
    [InlineData(nameof(EnclaveRun.ExceptionAddress), 16)]
    [InlineData(nameof(EnclaveRun.UserHandler), 24)]
    [InlineData(nameof(EnclaveRun.UserData), 32)]
    [InlineData(nameof(EnclaveRun.Rdi), 256)]
    public void Field_is_where_the_kernel_has_it(string field, int offset) =>
        Assert.Equal(offset, (int)Marshal.OffsetOf<EnclaveRun>(field));

    [Fact]
    public void Size_is_the_layouts() => Assert.Equal(EnclaveRun.SizeInBytes, Unsafe.SizeOf<EnclaveRun>());
}
