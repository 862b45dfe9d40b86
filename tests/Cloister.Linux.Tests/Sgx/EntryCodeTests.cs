using System.Runtime.InteropServices;
using Iced.Intel;

namespace Cloister.Linux.Tests.Sgx;

/// <summary>The stubs are bytes in the source: these read them back as instructions.</summary>
public class EntryCodeTests
{
    private static readonly HashSet<long> Fields = [.. typeof(EnclaveRun)
        .GetFields(System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.Public
            | System.Reflection.BindingFlags.NonPublic)
        .Select(field => (long)Marshal.OffsetOf<EnclaveRun>(field.Name))];

    [Fact]
    public void Vdso_stub_is_whole_and_uses_the_fields()
    {
        List<Instruction> code = Decode(VdsoEntry.Code);
        Assert.Equal(Mnemonic.Ret, code[^1].Mnemonic);
        Assert.Single(code, i => i.Mnemonic == Mnemonic.Call);
        AssertFields(code);
        AssertBalanced(code);
    }

    [Fact]
    public void Inline_stub_is_whole_and_uses_the_fields()
    {
        List<Instruction> code = Decode(InlineEntry.Code);
        Instruction enclu = Assert.Single(code, i => i.Mnemonic == Mnemonic.Enclu);
        AssertFields(code);
        AssertBalanced(code);

        // The asynchronous exit pointer in RCX, and what the handler compares with, are the ENCLU itself.
        Assert.Equal(2,
            code.Count(i => i.Mnemonic == Mnemonic.Lea && i.IsIPRelativeMemoryOperand && i.IPRelativeMemoryAddress == enclu.IP));

        // The handler's table is at 2048, behind the code.
        Assert.Contains(code, i => i.IsIPRelativeMemoryOperand && i.IPRelativeMemoryAddress == 2048);
        Assert.True(InlineEntry.Code.Length < 2048);
        foreach (Instruction branch in code.Where(i => i.FlowControl is FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch))
        {
            Assert.Contains(code, i => i.IP == branch.NearBranchTarget);
        }
    }

    private static List<Instruction> Decode(ReadOnlySpan<byte> bytes)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(bytes.ToArray()));
        var code = new List<Instruction>();
        while (decoder.IP < (ulong)bytes.Length)
        {
            code.Add(decoder.Decode());
            Assert.NotEqual(Code.INVALID, code[^1].Code);
        }

        return code;
    }

    private static void AssertFields(List<Instruction> code) =>
        Assert.All(code.Where(i => i.MemoryBase == Register.RBX && i.MemoryIndex == Register.None),
            i => Assert.Contains((long)i.MemoryDisplacement64, Fields));

    // What the System V ABI asks a function to preserve is pushed first, and popped in the opposite order before RET.
    private static void AssertBalanced(List<Instruction> code)
    {
        Register[] pushed = [.. code.Where(i => i.Mnemonic == Mnemonic.Push).Select(i => i.Op0Register).Take(6)];
        Assert.Equal([Register.RBP, Register.RBX, Register.R12, Register.R13, Register.R14, Register.R15], pushed);
        Assert.Equal(pushed.Reverse(), code.Where(i => i.Mnemonic == Mnemonic.Pop).Select(i => i.Op0Register));
    }
}
