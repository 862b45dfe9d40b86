using System.Buffers.Binary;
using Cloister.Engine.Instructions;
using Cloister.Linux;
using Iced.Intel;

namespace Cloister.Engine.Tests.Harness;

/// <summary>Executes the few instructions of which stubs are made, one at a time, on this process's memory.</summary>
internal sealed class StubProcessor(RemoteMemory memory, ulong codeAddress, byte[] code)
{
    private const ulong Carry = 1, Parity = 4, Auxiliary = 0x10, Zero = 0x40, Sign = 0x80, Overflow = 0x800, Arithmetic = 0x8d5,
        StatusBits = 0xd5;

    public UserRegisters State;

    /// <summary>More code, and where it lies.</summary>
    public (ulong Address, byte[] Code) Gadget { get; init; } = (0, []);

    /// <summary>Makes a system call of a number and three arguments.</summary>
    public Func<ulong, ulong, ulong, ulong, ulong>? Call { get; init; }

    /// <summary>The area of the last XRSTOR64; 0 when there was none.</summary>
    public ulong RestoredFrom { get; private set; }

    /// <summary>The components that it asked for.</summary>
    public ulong RestoredComponents { get; private set; }

    /// <summary>Executes one instruction.</summary>
    public void Step()
    {
        byte[] bytes = new byte[InstructionAccess.MaximumLength];
        if (State.Rip - codeAddress < (ulong)code.Length)
        {
            ReadOnlySpan<byte> rest = code.AsSpan((int)(State.Rip - codeAddress));
            rest[..Math.Min(rest.Length, bytes.Length)].CopyTo(bytes);
        }
        else if (State.Rip - Gadget.Address < (ulong)Gadget.Code.Length)
        {
            ReadOnlySpan<byte> rest = Gadget.Code.AsSpan((int)(State.Rip - Gadget.Address));
            rest[..Math.Min(rest.Length, bytes.Length)].CopyTo(bytes);
        }
        else
        {
            Assert.NotEqual(0, memory.ReadUpTo(State.Rip, bytes));
        }

        Instruction i = InstructionAccess.Decode(bytes, State.Rip);
        ulong next = i.NextIP;
        switch (i.Mnemonic)
        {
            case Mnemonic.Lea: Set(i.Op0Register, Address(i)); break;
            case Mnemonic.Mov: Write(i, Read(i, 1)); break;
            case Mnemonic.Push: Push(Get(i.Op0Register)); break;
            case Mnemonic.Pushfq: Push(State.Rflags); break;
            case Mnemonic.Pop: Set(i.Op0Register, Pop()); break;
            case Mnemonic.Popfq: State.Rflags = Pop(); break;
            case Mnemonic.Cmp: Compare(i); break;
            case Mnemonic.Sub: ulong difference = unchecked(Read(i, 0) - Read(i, 1)); Compare(i); Write(i, difference); break;
            case Mnemonic.Or: Arithmetical(i, Read(i, 0) | Read(i, 1)); break;
            case Mnemonic.Bswap: Set(i.Op0Register, BinaryPrimitives.ReverseEndianness(Get(i.Op0Register))); break;
            case Mnemonic.Lahf: State.Rax = (State.Rax & ~0xff00ul) | (((State.Rflags & StatusBits) | 2) << 8); break;
            case Mnemonic.Sahf: State.Rflags = (State.Rflags & ~StatusBits) | ((State.Rax >> 8) & StatusBits); break;
            case Mnemonic.Seto: Set(i.Op0Register, (State.Rflags & Overflow) != 0 ? 1ul : 0); break;
            case Mnemonic.Test: Flags((Read(i, 0) & Read(i, 1)) == 0); break;
            case Mnemonic.Xor: Arithmetical(i, Read(i, 0) ^ Read(i, 1)); break;
            case Mnemonic.Add: Sum(i); break;
            case Mnemonic.Inc: Arithmetical(i, Read(i, 0) + 1); break;
            case Mnemonic.Dec: Arithmetical(i, Read(i, 0) - 1); break;
            case Mnemonic.Not: Write(i, ~Read(i, 0)); break;
            case Mnemonic.Nop: break;
            case Mnemonic.Xrstor64: RestoredFrom = Address(i); RestoredComponents = (State.Rdx << 32) | (uint)State.Rax; break;
            case Mnemonic.Imul: Arithmetical(i, unchecked(Read(i, 0) * Read(i, 1))); break;
            case Mnemonic.Shr: Arithmetical(i, Read(i, 0) >> (int)Read(i, 1)); break;
            case Mnemonic.Shl: Arithmetical(i, Read(i, 0) << (int)Read(i, 1)); break;
            case Mnemonic.Cmpxchg:
                bool equal = Read(i, 0) == (i.MemorySize.GetSize() == 2 ? (ushort)State.Rax : (uint)State.Rax);
                if (equal)
                {
                    Write(i, Read(i, 1));
                }
                else
                {
                    State.Rax = Read(i, 0);
                }

                Flags(equal);
                break;
            case Mnemonic.Xchg: (ulong a, ulong b) = (Read(i, 0), Get(i.Op1Register)); Write(i, b); Set(i.Op1Register, a); break;
            case Mnemonic.Rdfsbase: Set(i.Op0Register, State.FsBase); break;
            case Mnemonic.Rdgsbase: Set(i.Op0Register, State.GsBase); break;
            case Mnemonic.Wrfsbase: State.FsBase = Get(i.Op0Register); break;
            case Mnemonic.Wrgsbase: State.GsBase = Get(i.Op0Register); break;
            case Mnemonic.Syscall:
                // SDM 2B, SYSCALL: RCX and R11 are lost.
                (State.Rax, State.Rcx, State.R11) = (Call!(State.Rax, State.Rdi, State.Rsi, State.Rdx), next, State.Rflags);
                break;
            case Mnemonic.Je: next = (State.Rflags & Zero) != 0 ? i.NearBranchTarget : next; break;
            case Mnemonic.Jne: next = (State.Rflags & Zero) == 0 ? i.NearBranchTarget : next; break;
            case Mnemonic.Ja: next = (State.Rflags & (Carry | Zero)) == 0 ? i.NearBranchTarget : next; break;
            case Mnemonic.Jb: next = (State.Rflags & Carry) != 0 ? i.NearBranchTarget : next; break;
            case Mnemonic.Jae: next = (State.Rflags & Carry) == 0 ? i.NearBranchTarget : next; break;
            case Mnemonic.Jrcxz: next = State.Rcx == 0 ? i.NearBranchTarget : next; break;
            case Mnemonic.Jmp: next = i.Op0Kind == OpKind.NearBranch64 ? i.NearBranchTarget : Read(i, 0); break;
            default: throw new InvalidOperationException($"{i} at {State.Rip:x}");
        }

        State.Rip = next;
    }

    // Flags that an instruction leaves undefined or sets by its result are turned over, so that whoever needs the old ones misses them.
    private void Flags(bool zero) => State.Rflags = ((State.Rflags ^ Arithmetic) & ~Zero) | (zero ? Zero : 0);

    private void Compare(in Instruction i)
    {
        (ulong a, ulong b) = (Read(i, 0), Read(i, 1));
        Flags(a == b);
        State.Rflags = (State.Rflags & ~Carry) | (a < b ? Carry : 0);
    }

    // All flags as the processor sets them. SDM 2A, ADD.
    private void Sum(in Instruction i)
    {
        int bits = (i.Op0Kind == OpKind.Memory ? i.MemorySize.GetSize() : i.Op0Register.GetSize()) * 8;
        ulong mask = ulong.MaxValue >> (64 - bits), sign = 1ul << (bits - 1);
        (ulong a, ulong b) = (Read(i, 0) & mask, Read(i, 1) & mask);
        ulong sum = unchecked(a + b) & mask;
        Write(i, sum);
        State.Rflags = (State.Rflags & ~Arithmetic) | (sum < a ? Carry : 0)
            | (System.Numerics.BitOperations.PopCount(sum & 0xff) % 2 == 0 ? Parity : 0)
            | (((a ^ b ^ sum) & 0x10) != 0 ? Auxiliary : 0) | (sum == 0 ? Zero : 0) | ((sum & sign) != 0 ? Sign : 0)
            | ((~(a ^ b) & (a ^ sum) & sign) != 0 ? Overflow : 0);
    }

    private void Arithmetical(in Instruction i, ulong value)
    {
        Write(i, value);
        Flags(value == 0);
    }

    private void Push(ulong value)
    {
        State.Rsp -= 8;
        Store(State.Rsp, value, 8);
    }

    private ulong Pop()
    {
        State.Rsp += 8;
        return Fetch(State.Rsp - 8, 8);
    }

    private ulong Read(in Instruction i, int operand) => i.GetOpKind(operand) switch
    {
        OpKind.Register => Get(i.GetOpRegister(operand)),
        OpKind.Memory => Fetch(Address(i), i.MemorySize.GetSize()),
        _ => i.GetImmediate(operand),
    };

    private void Write(in Instruction i, ulong value)
    {
        if (i.Op0Kind == OpKind.Memory)
        {
            Store(Address(i), value, i.MemorySize.GetSize());
        }
        else
        {
            Set(i.Op0Register, value);
        }
    }

    private ulong Address(Instruction i) => i.IsIPRelativeMemoryOperand ? i.IPRelativeMemoryAddress
        : (i.MemoryBase == Register.None ? 0 : Get(i.MemoryBase))
            + (i.MemoryIndex == Register.None ? 0 : Get(i.MemoryIndex) * (ulong)i.MemoryIndexScale) + i.MemoryDisplacement64;

    private ulong Fetch(ulong address, int size)
    {
        byte[] bytes = new byte[8];
        Assert.True(memory.TryRead(address, bytes.AsSpan(0, size)), $"{address:x}");
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private void Store(ulong address, ulong value, int size)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Assert.True(memory.TryWrite(address, bytes.AsSpan(0, size)), $"{address:x}");
    }

    private ulong Get(Register register) => Full(register) & Mask(register);

    // A write of 32 bits clears the upper half, one of fewer keeps it.
    private void Set(Register register, ulong value) =>
        Full(register) = register.GetSize() < 4 ? (Full(register) & ~Mask(register)) | (value & Mask(register)) : value & Mask(register);

    private static ulong Mask(Register register) => register.IsSegmentRegister() ? 0xffff : ulong.MaxValue >> (64 - register.GetSize() * 8);

    private ref ulong Full(Register register)
    {
        switch (register.GetFullRegister())
        {
            case Register.RAX: return ref State.Rax;
            case Register.RBX: return ref State.Rbx;
            case Register.RCX: return ref State.Rcx;
            case Register.RDX: return ref State.Rdx;
            case Register.RSI: return ref State.Rsi;
            case Register.RSP: return ref State.Rsp;
            case Register.RBP: return ref State.Rbp;
            case Register.RDI: return ref State.Rdi;
            case Register.R8: return ref State.R8;
            case Register.R9: return ref State.R9;
            case Register.R10: return ref State.R10;
            case Register.R11: return ref State.R11;
            case Register.R12: return ref State.R12;
            case Register.R13: return ref State.R13;
            case Register.R14: return ref State.R14;
            case Register.R15: return ref State.R15;
            case Register.ES: return ref State.Es;
            default: throw new InvalidOperationException(register.ToString());
        }
    }
}
