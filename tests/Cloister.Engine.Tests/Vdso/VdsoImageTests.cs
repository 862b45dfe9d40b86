using System.Runtime.InteropServices;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Harness;
using Cloister.Engine.Vdso;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine.Tests.Vdso;

/// <summary>
/// The image as a dynamic linker reads it, and its function as a program calls it: an ENCLU here is a jump to its TCS, which RBX holds.
/// </summary>
public sealed class VdsoImageTests : IDisposable
{
    private const string Enter = "__vdso_sgx_enter_enclave";
    private const int Eenter = 2, Eresume = 3, Eexit = 4, Einval = -22;

    // struct sgx_enclave_run, uapi asm/sgx.h: tcs, function, exception vector, error code, address, user handler, user data, reserved.
    private const int Tcs = 0, Function = 8, Vector = 12, ErrorCode = 14, Address = 16, Handler = 24, UserData = 32, Reserved = 40,
        RunLength = 256;
    private static readonly string[] KernelNames = ["__vdso_gettimeofday", "gettimeofday", "__vdso_clock_gettime", "clock_gettime",
        "__vdso_time", "time", "__vdso_getcpu", "getcpu", "__vdso_clock_getres", "__vdso_getrandom"];
    private readonly List<NativeCode> _code = [];
    private readonly nint _run = Marshal.AllocHGlobal(RunLength);
    private readonly nint _record = Marshal.AllocHGlobal(256);

    public VdsoImageTests()
    {
        for (int i = 0; i < RunLength; i += 8)
        {
            Marshal.WriteInt64(_run, i, 0);
        }
    }

    private delegate int EnterEnclave(nint rdi, nint rsi, ulong rdx, uint function, ulong r8, ulong r9, nint run);

    private delegate int UserHandler(nint rdi, nint rsi, ulong rdx, nint rsp, ulong r8, ulong r9, nint run);

    private delegate int NoArguments();

    public void Dispose()
    {
        _code.ForEach(code => code.Dispose());
        Marshal.FreeHGlobal(_run);
        Marshal.FreeHGlobal(_record);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_symbol_is_found(bool fast)
    {
        List<VdsoSymbol> functions = [.. KernelNames.Select((name, i) => new VdsoSymbol(name, 0x7fff_0000_0000 + (ulong)i * 64))];
        VdsoImage image = VdsoImage.Build(functions, fast);
        var elf = new ElfImage(image.Bytes);
        ulong[] addresses = [.. functions.Select(f => f.Name).Append(Enter).Select(name =>
        {
            (ulong address, byte info, ushort section) = elf.Lookup(name)!.Value;
            Assert.Equal(0x12, info); // STB_GLOBAL, STT_FUNC
            Assert.NotEqual(0, section);
            Assert.InRange(address, 0xd40ul, (ulong)image.Bytes.Length - 1);
            return address;
        })];
        Assert.Equal(addresses.Length, addresses.Distinct().Count());
        Assert.Null(elf.Lookup("__vdso_nothing"));
        Assert.Null(elf.Lookup(""));
    }

    [Fact]
    public void One_segment_is_loaded_readable_and_executable()
    {
        VdsoImage image = VdsoImage.Build([new("time", 1)], fast: true);
        var elf = new ElfImage(image.Bytes);
        (uint Type, uint Flags, ulong Offset, ulong Address, ulong FileSize, ulong MemorySize) load =
            Assert.Single(elf.Segments, s => s.Type == 1);
        Assert.Equal((5u, 0ul, 0ul, (ulong)Area.VdsoLength, (ulong)Area.VdsoLength),
            (load.Flags, load.Offset, load.Address, load.FileSize, load.MemorySize));
        Assert.Equal(Area.VdsoLength, image.Bytes.Length);
        Assert.Equal("linux-vdso.so.1", elf.String(elf.Dynamic(14)));
        Assert.Equal(24ul, elf.Dynamic(11));
    }

    [Fact]
    public void Its_own_reader_agrees()
    {
        List<VdsoSymbol> functions = [new("a", 0x1000), new("bcd", 0x2000)];
        VdsoImage image = VdsoImage.Build(functions, fast: false);
        List<VdsoSymbol> found = VdsoSymbols.Functions(image.Bytes, Area.Vdso);
        var elf = new ElfImage(image.Bytes);
        Assert.Equal([Enter, "a", "bcd"], found.Select(f => f.Name));
        Assert.All(found, f => Assert.Equal(Area.Vdso + elf.Lookup(f.Name)!.Value.Address, f.Address));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void There_is_one_ENCLU(bool fast)
    {
        VdsoImage image = Written(fast);
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(image.Bytes, 0xd40, 0x1000), Area.Vdso + 0xd40);
        var sites = new List<ulong>();
        bool exception = false;
        for (int zeros = 0; zeros < 4;)
        {
            decoder.Decode(out Instruction instruction);
            Assert.False(instruction.IsInvalid);
            exception |= instruction.IP == image.HandleException;
            zeros = instruction.Code == Code.Add_rm8_r8 ? zeros + 1 : 0;
            if (instruction.Code == Code.Enclu)
            {
                sites.Add(instruction.IP);
            }
        }

        Assert.Equal([image.Enclu!.Value], sites);
        Assert.True(exception);
        Assert.Equal(fast, image.Stub is not null);
        Assert.Equal(fast ? image.Enclu : null, image.Stub?.Enclu);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_function_stops_until_it_is_written(bool fast)
    {
        VdsoImage image = VdsoImage.Build([new("time", 1)], fast);
        ulong enter = new ElfImage(image.Bytes).Lookup(Enter)!.Value.Address;
        Assert.Equal(Area.Vdso + enter, image.Enter);
        Assert.Equal((byte[])[0x0f, 0x0b], image.Bytes.AsSpan((int)enter, 2).ToArray());
        Assert.Null(image.Enclu);
        Assert.Null(image.Stub);

        byte[] mapped = [.. image.Bytes];
        image.WriteFunction(mapped);
        Assert.Equal(image.Bytes[..(int)enter], mapped[..(int)enter]);
        Assert.NotEqual((byte[])[0x0f, 0x0b], mapped.AsSpan((int)enter, 2).ToArray());

        // Another thread that had stopped there too: all is as it was.
        (byte[] once, ulong? enclu) = ([.. mapped], image.Enclu);
        image.WriteFunction(mapped);
        Assert.Equal(once, mapped);
        Assert.Equal(enclu, image.Enclu);
    }

    [Fact]
    public void The_kernels_functions_are_forwarded()
    {
        ulong answer = Load(NativeCode.Assemble(a =>
        {
            a.mov(eax, 42);
            a.ret();
        })), other = Load(NativeCode.Assemble(a =>
        {
            a.mov(eax, 43);
            a.ret();
        }));
        VdsoImage image = VdsoImage.Build([new("answer", answer), new("other", other)], fast: true);
        ulong at = Load(image.Bytes);
        var elf = new ElfImage(image.Bytes);
        int Call(string name) => Marshal.GetDelegateForFunctionPointer<NoArguments>((nint)(at + elf.Lookup(name)!.Value.Address))();
        Assert.Equal((42, 43), (Call("answer"), Call("other")));
    }

    [Theory]
    [InlineData(false, Eenter)]
    [InlineData(true, Eenter)]
    [InlineData(false, Eresume)]
    [InlineData(true, Eresume)]
    public void ENCLU_gets_its_operands_and_the_enclave_the_callers(bool fast, int leaf)
    {
        (EnterEnclave enter, VdsoImage image, ulong at) = Build(fast);
        ulong tcs = Enclave(image, at, a => a.mov(eax, Eexit));
        Assert.Equal(0, enter(0x1111, 0x2222, 0xdddd, (uint)leaf, 0x8888, 0x9999, _run));

        // RAX leaf, RBX TCS, RCX AEP, which is the ENCLU itself, with a fast path before it as well; then RDX, R8, R9, RDI, RSI.
        Assert.Equal([(ulong)leaf, tcs, image.Enclu!.Value - Area.Vdso + at, 0xdddd, 0x8888, 0x9999, 0x1111, 0x2222], Recorded());
        Assert.Equal(Eexit, Marshal.ReadInt32(_run, Function));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(uint.MaxValue)]
    public void Other_leaves_are_refused(uint leaf)
    {
        (EnterEnclave enter, _, _) = Build(fast: true);
        Marshal.WriteInt32(_run, Function, 77);
        Assert.Equal(Einval, enter(0, 0, 0, leaf, 0, 0, _run));
        Assert.Equal(77, Marshal.ReadInt32(_run, Function));
    }

    [Fact]
    public void Every_reserved_byte_must_be_zero()
    {
        (EnterEnclave enter, VdsoImage image, ulong at) = Build(fast: false);
        _ = Enclave(image, at, a => a.mov(eax, Eexit));
        for (int i = 0; i < RunLength; i++)
        {
            // The handler and the TCS mean something; the rest below the reserved bytes is written or the caller's own.
            if (i is < Function or (>= Handler and < UserData))
            {
                continue;
            }

            byte before = Marshal.ReadByte(_run, i);
            Marshal.WriteByte(_run, i, 1);
            Assert.Equal((i, i < Reserved ? 0 : Einval), (i, enter(0, 0, 0, Eenter, 0, 0, _run)));
            Marshal.WriteByte(_run, i, before);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_exception_is_told(bool fast)
    {
        (EnterEnclave enter, VdsoImage image, ulong at) = Build(fast);
        ulong handle = image.HandleException - Area.Vdso + at;
        _ = Use(NativeCode.Assemble(a =>
        {
            // As the tracer puts it: the leaf stays in RAX.
            a.mov(edi, 14);
            a.mov(esi, 0x8007);
            a.mov(rdx, 0x7777_1234_5000);
            a.mov(rcx, handle);
            a.jmp(rcx);
        }));
        Assert.Equal(0, enter(0, 0, 0, Eresume, 0, 0, _run));
        Assert.Equal((Eresume, 14, unchecked((short)0x8007), 0x7777_1234_5000),
            (Marshal.ReadInt32(_run, Function), Marshal.ReadInt16(_run, Vector), Marshal.ReadInt16(_run, ErrorCode),
                Marshal.ReadInt64(_run, Address)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    public void The_handlers_answer_is_the_callers(int answer)
    {
        (EnterEnclave enter, VdsoImage image, ulong at) = Build(fast: false);
        ulong[]? seen = null;
        UserHandler handler = (rdi, rsi, rdx, rsp, r8, r9, run) =>
        {
            seen = [(ulong)rdi, (ulong)rsi, rdx, r8, r9, (ulong)(run - _run), (ulong)Marshal.ReadInt32(run, Function)];
            return answer;
        };
        Marshal.WriteIntPtr(_run, Handler, Marshal.GetFunctionPointerForDelegate(handler));
        _ = Enclave(image, at, a =>
        {
            a.mov(eax, Eexit);
            a.mov(edi, 1);
            a.mov(esi, 2);
            a.mov(edx, 3);
            a.mov(r8d, 4);
            a.mov(r9d, 5);
            a.std();
        });
        Assert.Equal(answer, enter(0, 0, 0, Eenter, 0, 0, _run));
        GC.KeepAlive(handler);
        Assert.Equal([1, 2, 3, 4, 5, 0, Eexit], seen!);
    }

    [Fact]
    public void The_handler_may_enter_again_and_sees_what_the_enclave_left_on_the_stack()
    {
        (EnterEnclave enter, VdsoImage image, ulong at) = Build(fast: false);
        var stack = new List<long>();
        var answers = new Queue<int>([Eresume, 0]);
        UserHandler handler = (_, _, _, rsp, _, _, _) =>
        {
            stack.Add(Marshal.ReadInt64(rsp));
            return answers.Dequeue();
        };
        Marshal.WriteIntPtr(_run, Handler, Marshal.GetFunctionPointerForDelegate(handler));

        // An OCALL: an odd number of words pushed at EENTER, taken back at the second entry.
        _ = Enclave(image, at, a =>
        {
            Label resumed = a.CreateLabel(), end = a.CreateLabel();
            a.cmp(eax, Eresume);
            a.je(resumed);
            a.push(0x51);
            a.push(0x52);
            a.push(0x53);
            a.jmp(end);
            a.Label(ref resumed);
            a.lea(rsp, __qword_ptr[rsp + 24]);
            a.Label(ref end);
            a.mov(eax, Eexit);
        });
        Assert.Equal(0, enter(0, 0, 0, Eenter, 0, 0, _run));
        Assert.Equal(0x53, stack[0]);
        Assert.Equal(2, stack.Count);
        GC.KeepAlive(handler);
    }

    [Fact]
    public void A_handlers_answer_that_is_no_leaf_ends_in_EINVAL()
    {
        (EnterEnclave enter, VdsoImage image, ulong at) = Build(fast: false);
        UserHandler handler = (_, _, _, _, _, _, _) => 9;
        Marshal.WriteIntPtr(_run, Handler, Marshal.GetFunctionPointerForDelegate(handler));
        _ = Enclave(image, at, a => a.mov(eax, Eexit));
        Assert.Equal(Einval, enter(0, 0, 0, Eenter, 0, 0, _run));
        GC.KeepAlive(handler);
    }

    private ulong[] Recorded() => [.. Enumerable.Range(0, 8).Select(i => (ulong)Marshal.ReadInt64(_record, i * 8))];

    // What stands for the enclave: writes its registers down, does the rest, and goes behind the ENCLU as EEXIT does.
    private ulong Enclave(VdsoImage image, ulong at, Action<Assembler> rest) => Use(NativeCode.Assemble(a =>
    {
        a.mov(r11, (ulong)_record);
        a.mov(__qword_ptr[r11], rax);
        a.mov(__qword_ptr[r11 + 8], rbx);
        a.mov(__qword_ptr[r11 + 16], rcx);
        a.mov(__qword_ptr[r11 + 24], rdx);
        a.mov(__qword_ptr[r11 + 32], r8);
        a.mov(__qword_ptr[r11 + 40], r9);
        a.mov(__qword_ptr[r11 + 48], rdi);
        a.mov(__qword_ptr[r11 + 56], rsi);
        rest(a);
        a.mov(rbx, image.Enclu!.Value - Area.Vdso + at + 3);
        a.jmp(rbx);
    }));

    private static VdsoImage Written(bool fast)
    {
        VdsoImage image = VdsoImage.Build([], fast);
        image.WriteFunction(image.Bytes);
        return image;
    }

    private (EnterEnclave Enter, VdsoImage Image, ulong At) Build(bool fast)
    {
        VdsoImage image = Written(fast);
        byte[] bytes = [.. image.Bytes];
        byte[] jump = [0xff, 0xe3, 0x90]; // jmp rbx; nop
        jump.CopyTo(bytes, (int)(image.Enclu!.Value - Area.Vdso));
        ulong at = Load(bytes);
        ulong enter = at + new ElfImage(bytes).Lookup(Enter)!.Value.Address;
        return (Marshal.GetDelegateForFunctionPointer<EnterEnclave>((nint)enter), image, at);
    }

    // Makes code the TCS of the run.
    private ulong Use(byte[] code)
    {
        ulong at = Load(code);
        Marshal.WriteInt64(_run, Tcs, (long)at);
        return at;
    }

    private ulong Load(byte[] code)
    {
        var native = new NativeCode(code);
        _code.Add(native);
        return native.Address;
    }
}
