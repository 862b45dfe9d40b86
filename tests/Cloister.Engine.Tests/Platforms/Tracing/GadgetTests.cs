using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Iced.Intel;

namespace Cloister.Engine.Tests.Platforms.Tracing;

public class GadgetTests
{
    [Fact]
    public void Fits_its_page() => Assert.InRange(Gadget.Code.Length, 1, 4096);

    [Fact]
    public void Makes_each_call_of_the_table_and_then_the_last()
    {
        // Run by hand: what each SYSCALL sees, and where its result goes.
        ulong[] table = new ulong[3 * 8];
        for (int i = 0; i < table.Length; i++)
        {
            table[i] = (ulong)(1000 + i);
        }

        var calls = new List<ulong[]>();
        ulong end = Run(Gadget.Code.ToArray(), table, entries: 3, (registers) =>
        {
            calls.Add(registers);
            return (ulong)(7000 + calls.Count);
        });
        Assert.Equal(Gadget.EndOfBatch, end);
        Assert.Equal(3, calls.Count);
        for (int i = 0; i < 3; i++)
        {
            // rax; rdi, rsi, rdx, r10, r8, r9: syscall(2).
            Assert.Equal(Enumerable.Range(1000 + i * 8, 7).Select(n => (ulong)n), calls[i]);
            Assert.Equal((ulong)(7001 + i), table[i * 8 + 7]);
        }
    }

    [Fact]
    public void An_entry_is_eight_words() => Assert.Equal(8 * 8, Gadget.EntryLength);

    [Fact]
    public void The_end_is_a_call_that_every_sandbox_allows() => Assert.Equal(231u, Gadget.EndOfBatch); // exit_group, syscall_64.tbl

    [Fact]
    public void The_calls_are_made_where_it_is_said() =>
        Assert.Equal(Mnemonic.Syscall, Decode(Gadget.Code.ToArray()).Single(i => i.IP == Area.Gadget + Gadget.SyscallOffset).Mnemonic);

    [Fact]
    public void Nothing_runs_behind_the_end()
    {
        List<Instruction> code = Decode(Gadget.Code.ToArray());
        int end = code.FindIndex(i => i.Mnemonic == Mnemonic.Ud2);
        Assert.Equal(Mnemonic.Syscall, code[end - 1].Mnemonic);
        Assert.All(code.Skip(end + 1).TakeWhile(i => i.IP < Area.ProtectCalls), i => Assert.Equal(Mnemonic.Int3, i.Mnemonic));
    }

    [Fact]
    public void The_calls_of_a_stub_are_where_it_goes()
    {
        List<Instruction> code = [.. Decode(Gadget.Code.ToArray()).SkipWhile(i => i.IP < Area.ProtectCalls)];
        Assert.Equal((Area.ProtectCalls, Area.ProtectCalls + Area.ProtectCallsLength), (code[0].IP, code[^1].NextIP));
        Assert.Equal((Mnemonic.Jmp, OpKind.Memory), (code[^1].Mnemonic, code[^1].Op0Kind));
    }

    private static List<Instruction> Decode(byte[] code)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code), Area.Gadget);
        var list = new List<Instruction>();
        while (decoder.IP < Area.Gadget + (ulong)code.Length)
        {
            list.Add(decoder.Decode());
            Assert.False(list[^1].IsInvalid);
        }

        return list;
    }

    // RBX is a byte offset in the table. Returns the number of the call that ends it.
    private static ulong Run(byte[] bytes, ulong[] table, ulong entries, Func<ulong[], ulong> call)
    {
        List<Instruction> code = Decode(bytes);
        var r = new Dictionary<Register, ulong> { [Register.RBX] = 0, [Register.RBP] = entries };
        bool zero = false;
        for (int at = 0; ;)
        {
            Instruction i = code[at++];
            switch (i.Mnemonic)
            {
                case Mnemonic.Mov when i.Op0Kind == OpKind.Register && i.Op1Kind == OpKind.Memory:
                    r[i.Op0Register] = table[(r[i.MemoryBase] + i.MemoryDisplacement64) / 8];
                    break;
                case Mnemonic.Mov when i.Op0Kind == OpKind.Memory:
                    table[(r[i.MemoryBase] + i.MemoryDisplacement64) / 8] = r[i.Op1Register];
                    break;
                case Mnemonic.Mov:
                    r[i.Op0Register.GetFullRegister()] = i.GetImmediate(1);
                    break;
                case Mnemonic.Syscall when r[Register.RAX] == Gadget.EndOfBatch:
                    return r[Register.RAX];
                case Mnemonic.Syscall:
                    Register[] order = [Register.RAX, Register.RDI, Register.RSI, Register.RDX, Register.R10, Register.R8, Register.R9];
                    r[Register.RAX] = call([.. order.Select(register => r[register])]);
                    break;
                case Mnemonic.Add:
                    r[i.Op0Register] += i.GetImmediate(1);
                    break;
                case Mnemonic.Dec:
                    zero = --r[i.Op0Register] == 0;
                    break;
                case Mnemonic.Jne:
                    at = zero ? at : code.FindIndex(target => target.IP == i.NearBranchTarget);
                    break;
                default:
                    throw new InvalidOperationException(i.ToString());
            }
        }
    }
}
