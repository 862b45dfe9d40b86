using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Engine.Fast;
using Cloister.Engine.Platforms;
using Cloister.Engine.Stubs;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;
using Cloister.Processor;
using Cloister.Processor.Encls;
using Iced.Intel;

namespace Cloister.Engine.Tests.Fast;

/// <summary>
/// An enclave of 64 KiB in this process's own memory, its tables where the stubs have them, and a processor that executes a stub.
/// A thread is stopped behind each instruction in turn: it must stand before the leaf or behind it, whole.
/// </summary>
[Collection("Area.Fast")]
public abstract class FastPathTestCase : IDisposable
{
    private protected const int SlotNumber = 3;
    private protected const ulong StubAddress = 0x4000_0000, ReturnTo = 0x40_1003, HostFs = 0x7001_0000, HostGs = 0x7002_0000,
        Aep = 0x40_2000, Oentry = 0x3000, Flags = 0x246;
    private protected const ulong Site = 0x5001_0000;
    private protected const uint Eenter = 2, Eresume = 3, Eexit = 4, Eaccept = 5;

    private protected readonly OwnThread _own = new();
    private protected readonly MappedFile _file = MappedFile.Create("tables", FastLayout.FileLength);
    private protected readonly FastPath _path;
    private protected readonly ulong _memory = OwnMemory.Map(64);
    private protected readonly ulong _enclave, _tcs;
    private protected readonly byte[] _code;
    private protected readonly EnterStubAddresses _stub;
    private protected readonly byte[] _tables;
    private protected StubProcessor? _processor;

    protected FastPathTestCase()
        : this(switchesView: false)
    {
    }

    protected FastPathTestCase(bool switchesView)
    {
        nint tables = NativeMethods.Mmap(unchecked((nint)Area.Fast), FastLayout.FileLength, MemoryProtection.Read | MemoryProtection.Write,
            MemoryProtection.Shared | MemoryProtection.FixedNoReplace, _file.Descriptor, 0);
        Assert.Equal(unchecked((nint)Area.Fast), tables);
        _path = new FastPath(_file, new AwaitedTables(), switchesView);
        _path.Inherit(_own.Thread, SlotNumber, _path);

        // TCS at 0x1000, its state save area at 0x4000.
        _enclave = (_memory + 0xffff) & ~0xfffful;
        _tcs = _enclave + 0x1000;
        var secs = new Secs
        {
            Size = 0x10000,
            BaseAddr = _enclave,
            SsaFrameSize = 1,
            Attributes = new Attributes { Flags = AttributeFlags.Mode64Bit, Xfrm = 3 },
        };
        var tcs = new Tcs
        {
            Ossa = 0x4000,
            Nssa = 2,
            Oentry = Oentry,
            Ofsbase = 0x6000,
            Ogsbase = 0x7000,
            Fslimit = 0xfff,
            Gslimit = 0xfff,
        };
        SgxMachine machine = _own.Machine;
        Assert.True(Ecreate.Execute(machine, MemoryMarshal.AsBytes(new ReadOnlySpan<Secs>(in secs)), new Secinfo(PageType.Secs, 0),
            new EpcPage(0)).IsSuccess);
        Assert.True(Eadd.Execute(machine, new EpcPage(0), new LinearAddress(_tcs), new Secinfo(PageType.Tcs, 0),
            MemoryMarshal.AsBytes(new ReadOnlySpan<Tcs>(in tcs)), new EpcPage(1)).IsSuccess);

        // The first entry and exit are the tracer's and fill the tables.
        LogicalProcessor processor = _own.Thread.Processor;
        processor.NoteEntered(machine, new EpcPage(1), new LinearAddress(_tcs), new LinearAddress(Aep), HostFs, HostGs);
        _path.Publish(machine, _own.Thread);
        processor.NoteExited(machine);
        _path.Publish(machine, _own.Thread);

        var assembler = new Assembler(64);
        var stub = new EnterStub(switchesView);
        Label start = assembler.CreateLabel(), enclu = assembler.CreateLabel();
        stub.Emit(assembler, a => a.mov(AssemblerRegisters.rcx, ReturnTo), ref start, ref enclu);
        using var stream = new MemoryStream();
        _stub = stub.Addresses(
            assembler.Assemble(new StreamCodeWriter(stream), StubAddress, BlockEncoderOptions.ReturnNewInstructionOffsets));
        _code = stream.ToArray();
        _path.Stubs.Add(_stub);
        _path.Open();
        _tables = _file.Slice(0, FastLayout.Notes).ToArray();
    }

    private protected ref uint Busy => ref MemoryMarshal.AsRef<uint>(_file.Slice(Entry + FastLayout.EntryBusy, 4));

    private protected ref ulong Cssa => ref MemoryMarshal.AsRef<ulong>(_file.Slice(Entry + FastLayout.EntryCssa, 8));

    private protected ref uint Inside =>
        ref MemoryMarshal.AsRef<uint>(_file.Slice(FastLayout.Slots + SlotNumber * FastLayout.SlotLength + FastLayout.SlotInside, 4));

    private protected int Entry => FastLayout.Table + FastLayout.IndexOf(_tcs) * FastLayout.EntryLength;

    private protected UserRegisters AtEnclu => new()
    {
        Rip = StubAddress,
        Rax = Eenter,
        Rbx = _tcs,
        Rcx = Aep + 8,
        Rdx = 0x1111_2222_3333_4444,
        Rsi = 0x5555_6666_7777_8888,
        Rbp = 0x9999,
        Rsp = _memory + 0x3008,
        Rflags = Flags,
        FsBase = HostFs + 8,
        GsBase = HostGs + 8,
        Es = FastLayout.Selector(SlotNumber),
    };

    private protected UserRegisters Entered => AtEnclu with
    {
        Rip = _enclave + Oentry,
        Rax = 0,
        Rcx = ReturnTo,
        FsBase = _enclave + 0x6000,
        GsBase = _enclave + 0x7000,
    };

    public void Dispose()
    {
        OwnMemory.Unmap(_memory, 64);
        Assert.Equal(0, NativeMethods.Munmap(unchecked((nint)Area.Fast), FastLayout.FileLength));
        _path.Dispose();
        _own.Dispose();
        GC.SuppressFinalize(this);
    }

    // Stops behind each instruction in turn, from the first to where the stub ends. Returns their number.
    private protected int Sweep(UserRegisters start, byte[] code, ulong address, ulong end, Action<ulong> check)
    {
        for (int count = 0; ; count++)
        {
            _tables.CopyTo(_file.Slice(0, FastLayout.Notes));
            _processor = new StubProcessor(_own.Space.Memory, address, code) { State = start };
            for (int i = 0; i < count; i++)
            {
                _processor.Step();
            }

            _own.Thread.Registers = _processor.State;
            ulong at = _processor.State.Rip;
            check(at);
            if (at == end)
            {
                return count;
            }

            Assert.True(count < 300);
        }
    }

    // A frame as an asynchronous exit leaves it, in use. Returns the registers that ERESUME brings back.
    private protected UserRegisters Interrupt()
    {
        ulong[] registers = [.. Enumerable.Range(1, 18).Select(i => 0x1010_1010_1010ul * (ulong)i)];
        (registers[4], registers[16], registers[17]) = (_enclave + 0x8f00, 0x10ad7, _enclave + 0x3210);
        ulong frame = _enclave + 0x4000, gprsgx = frame + 0x1000 - 184;
        Write(gprsgx, MemoryMarshal.AsBytes<ulong>(registers).ToArray());
        Write(gprsgx + 168, BitConverter.GetBytes(_enclave + 0x6100));
        Write(gprsgx + 176, BitConverter.GetBytes(_enclave + 0x7100));
        Write(frame + 24, [0x80, 0x1f, 0, 0]);
        Write(frame + 512, [3]);
        Cssa = 1;
        MemoryMarshal.Write(_file.Slice(Entry + FastLayout.EntryXfrm, 8), 7ul);
        _file.Slice(0, FastLayout.Notes).CopyTo(_tables);
        return AtEnclu with
        {
            Rax = registers[0],
            Rcx = registers[1],
            Rdx = registers[2],
            Rbx = registers[3],
            Rsp = registers[4],
            Rbp = registers[5],
            Rsi = registers[6],
            Rdi = registers[7],
            R8 = registers[8],
            R9 = registers[9],
            R10 = registers[10],
            R11 = registers[11],
            R12 = registers[12],
            R13 = registers[13],
            R14 = registers[14],
            R15 = registers[15],
            Rflags = 0x10ad7,
            Rip = registers[17],
            FsBase = _enclave + 0x6100,
            GsBase = _enclave + 0x7100,
        };
    }

    private protected void Write(ulong address, byte[] bytes) => Assert.True(_own.Space.Memory.TryWrite(address, bytes));

    private protected void Run(UserRegisters start, byte[] code, ulong address, ulong end)
    {
        var processor = new StubProcessor(_own.Space.Memory, address, code) { State = start };
        while (processor.State.Rip != end)
        {
            processor.Step();
        }
    }

    // SDM 3D, EENTER: the host's RSP and RBP are in the frame, URSP and URBP of GPRSGX.
    private protected void AssertFrame()
    {
        const int ursp = 144, gprsgx = 184;
        byte[] bytes = new byte[16];
        Assert.True(_own.Space.Memory.TryRead(_enclave + 0x5000 - gprsgx + ursp, bytes));
        Assert.Equal((AtEnclu.Rsp, AtEnclu.Rbp), (BitConverter.ToUInt64(bytes), BitConverter.ToUInt64(bytes, 8)));
    }

    private protected void AssertRegisters(UserRegisters expected, ulong at)
    {
        static string Text(UserRegisters r) =>
            string.Join(' ', typeof(UserRegisters).GetFields().Select(f => $"{f.Name}={f.GetValue(r):x}"));
        Assert.Equal($"stopped at {at:x}: {Text(expected)}", $"stopped at {at:x}: {Text(_own.Thread.Peek())}");
    }
}
