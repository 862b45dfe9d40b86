using System.Runtime.InteropServices;
using Cloister.Engine.Stubs;
using Cloister.Engine.Tests.Harness;
using Cloister.Engine.Vdso;
using Iced.Intel;

namespace Cloister.Engine.Tests.Vdso;

/// <summary><see cref="EnterEnclaveFunction"/> by itself, as a program calls it: uapi asm/sgx.h, vdso_sgx_enter_enclave_t.</summary>
public sealed class EnterEnclaveFunctionTests : IDisposable
{
    private const int Einval = -22, RunLength = 256, Reserved = 40;
    private static readonly byte[] s_enclu = [0x0f, 0x01, 0xd7];
    private readonly nint _run = Marshal.AllocHGlobal(RunLength);

    public EnterEnclaveFunctionTests() => Marshal.Copy(new byte[RunLength], 0, _run, RunLength);

    private delegate int EnterEnclave(nint rdi, nint rsi, ulong rdx, uint function, ulong r8, ulong r9, nint run);

    public void Dispose() => Marshal.FreeHGlobal(_run);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_has_one_ENCLU_where_it_says(bool fast)
    {
        byte[] code = Emit(fast, out int enclu, out int exception);

        Assert.Equal(s_enclu, code.AsSpan(enclu, s_enclu.Length).ToArray());
        Assert.Equal(enclu, code.AsSpan().IndexOf(s_enclu));
        Assert.Equal(-1, code.AsSpan(enclu + 1).IndexOf(s_enclu));
        Assert.InRange(exception, enclu + s_enclu.Length, code.Length - 1);
    }

    [Theory]
    [InlineData(0u, 0)]
    [InlineData(4u, 0)]
    [InlineData(0x1_0002u, 0)]
    [InlineData(2u, Reserved)]
    [InlineData(3u, RunLength - 1)]
    public void What_is_no_entry_is_refused_before_its_ENCLU(uint leaf, int reserved)
    {
        if (reserved != 0)
        {
            Marshal.WriteByte(_run, reserved, 1);
        }

        // It would be SIGILL here.
        using var code = new NativeCode(Emit(fast: false, out _, out _));
        EnterEnclave enter = Marshal.GetDelegateForFunctionPointer<EnterEnclave>((nint)code.Address);
        Assert.Equal(Einval, enter(0, 0, 0, leaf, 0, 0, _run));
    }

    private static byte[] Emit(bool fast, out int enclu, out int exception)
    {
        var a = new Assembler(64);
        Label atEnclu = a.CreateLabel(), atException = a.CreateLabel();
        EnterEnclaveFunction.Emit(a, fast ? new EnterStub() : null, ref atEnclu, ref atException);
        using var stream = new MemoryStream();
        AssemblerResult result = a.Assemble(new StreamCodeWriter(stream), 0x1000, BlockEncoderOptions.ReturnNewInstructionOffsets);
        (enclu, exception) = ((int)result.GetLabelRIP(atEnclu) - 0x1000, (int)result.GetLabelRIP(atException) - 0x1000);
        return stream.ToArray();
    }
}
