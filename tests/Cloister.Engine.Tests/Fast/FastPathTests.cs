using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Engine.Fast;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;
using Cloister.Processor;
using Cloister.Processor.Encls;
using Iced.Intel;

namespace Cloister.Engine.Tests.Fast;

/// <summary>A thread is stopped behind each instruction of the stubs in turn: it must stand before the leaf or behind it, whole.</summary>
public sealed class FastPathTests : IDisposable
{
    private const int SlotNumber = 3;
    private const ulong StubAddress = 0x4000_0000, ReturnTo = 0x40_1003, HostFs = 0x7001_0000, HostGs = 0x7002_0000, Aep = 0x40_2000, Oentry = 0x3000, Flags = 0x246;
    private const ulong Site = 0x5001_0000;
    private const uint Eenter = 2, Eresume = 3, Eexit = 4, Eaccept = 5;

    private readonly OwnThread _own = new();
    private readonly MappedFile _file = MappedFile.Create("tables", FastLayout.FileLength);
    private readonly FastPath _path;
    private readonly ulong _memory = OwnMemory.Map(64);
    private readonly ulong _enclave, _tcs;
    private readonly byte[] _code;
    private readonly EnterStubAddresses _stub;
    private readonly byte[] _tables;
    private StubProcessor? _processor;

    public FastPathTests()
    {
        nint tables = NativeMethods.Mmap(unchecked((nint)Area.Fast), FastLayout.FileLength, MemoryProtection.Read | MemoryProtection.Write,
            MemoryProtection.Shared | MemoryProtection.FixedNoReplace, _file.Descriptor, 0);
        Assert.Equal(unchecked((nint)Area.Fast), tables);
        _path = new FastPath(_file);
        _path.Inherit(_own.Thread, SlotNumber, _path);

        // An enclave of 64 KiB in this process's own memory: TCS at 0x1000, its state save area at 0x4000.
        _enclave = (_memory + 0xffff) & ~0xfffful;
        _tcs = _enclave + 0x1000;
        var secs = new Secs { Size = 0x10000, BaseAddr = _enclave, SsaFrameSize = 1, Attributes = new Attributes { Flags = AttributeFlags.Mode64Bit, Xfrm = 3 } };
        var tcs = new Tcs { Ossa = 0x4000, Nssa = 2, Oentry = Oentry, Ofsbase = 0x6000, Ogsbase = 0x7000, Fslimit = 0xfff, Gslimit = 0xfff };
        SgxMachine machine = _own.Machine;
        Assert.True(Ecreate.Execute(machine, MemoryMarshal.AsBytes(new ReadOnlySpan<Secs>(in secs)), new Secinfo(PageType.Secs, 0), new EpcPage(0)).IsSuccess);
        Assert.True(Eadd.Execute(machine, new EpcPage(0), new LinearAddress(_tcs), new Secinfo(PageType.Tcs, 0), MemoryMarshal.AsBytes(new ReadOnlySpan<Tcs>(in tcs)), new EpcPage(1)).IsSuccess);

        // The first entry and exit are the tracer's and fill the tables.
        LogicalProcessor processor = _own.Thread.Processor;
        processor.NoteEntered(machine, new EpcPage(1), new LinearAddress(_tcs), new LinearAddress(Aep), HostFs, HostGs);
        _path.Publish(machine, _own.Thread);
        processor.NoteExited(machine);
        _path.Publish(machine, _own.Thread);

        var assembler = new Assembler(64);
        var stub = new EnterStub();
        Label start = assembler.CreateLabel(), enclu = assembler.CreateLabel();
        stub.Emit(assembler, a => a.mov(AssemblerRegisters.rcx, ReturnTo), ref start, ref enclu);
        using var stream = new MemoryStream();
        _stub = stub.Addresses(assembler.Assemble(new StreamCodeWriter(stream), StubAddress, BlockEncoderOptions.ReturnNewInstructionOffsets));
        _code = stream.ToArray();
        _path.Stubs.Add(_stub);
        _path.Open();
        _tables = _file.Slice(0, FastLayout.Notes).ToArray();
    }

    private ref uint Busy => ref MemoryMarshal.AsRef<uint>(_file.Slice(Entry + FastLayout.EntryBusy, 4));

    private ref ulong Cssa => ref MemoryMarshal.AsRef<ulong>(_file.Slice(Entry + FastLayout.EntryCssa, 8));

    private ref uint Inside => ref MemoryMarshal.AsRef<uint>(_file.Slice(FastLayout.Slots + SlotNumber * FastLayout.SlotLength + FastLayout.SlotInside, 4));

    private int Entry => FastLayout.Table + FastLayout.IndexOf(_tcs) * FastLayout.EntryLength;

    private UserRegisters AtEnclu => new()
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

    private UserRegisters Entered => AtEnclu with { Rip = _enclave + Oentry, Rax = 0, Rcx = ReturnTo, FsBase = _enclave + 0x6000, GsBase = _enclave + 0x7000 };

    public void Dispose()
    {
        OwnMemory.Unmap(_memory, 64);
        Assert.Equal(0, NativeMethods.Munmap(unchecked((nint)Area.Fast), FastLayout.FileLength));
        _path.Dispose();
        _own.Dispose();
    }

    [Fact]
    public void AnEntryIsMadeOrNotMadeAtEveryInstruction()
    {
        bool committed = false;
        int steps = Sweep(AtEnclu, _code, StubAddress, _enclave + Oentry, at =>
        {
            // It counts from the store that says so: the stub's label is behind it.
            bool made = Inside != 0;
            Assert.True(made || !committed);
            committed = made;
            _ = _path.Stubs.Normalise(_own.Thread);
            if (made)
            {
                AssertRegisters(Entered, at);
                Assert.Equal((at, 1u, SlotNumber + 1u), (at, Inside, Busy));
                AssertFrame();
            }
            else
            {
                AssertRegisters(AtEnclu with { Rip = _stub.Enclu }, at);
                Assert.Equal((at, 0u, 0u), (at, Inside, Busy));
            }
        });
        Assert.True(committed);
        Assert.True(steps > 40);
    }

    [Theory]
    [InlineData("the gate is shut")]
    [InlineData("another thread is in the TCS")]
    [InlineData("the TCS is unknown")]
    [InlineData("it is neither EENTER nor ERESUME")]
    [InlineData("no frame is free")]
    [InlineData("the thread has no slot")]
    public void WhatStandsAgainstAnEntryLeavesItToTheEnclu(string reason)
    {
        UserRegisters start = AtEnclu;
        uint busy = 0;
        switch (reason)
        {
            case "the gate is shut": _path.Shut(); break;
            case "another thread is in the TCS": Busy = busy = SlotNumber + 5; break;
            case "the TCS is unknown": start.Rbx += 0x10000; break;
            case "it is neither EENTER nor ERESUME": start.Rax = Eexit; break;
            case "no frame is free": Cssa = 2; break;
            default: start.Es = 0; break;
        }

        _file.Slice(0, FastLayout.Notes).CopyTo(_tables);
        _ = Sweep(start, _code, StubAddress, _stub.Enclu, at =>
        {
            _ = _path.Stubs.Normalise(_own.Thread);
            AssertRegisters(start with { Rip = _stub.Enclu }, at);
            Assert.Equal((at, 0u, busy), (at, Inside, Busy));
        });
    }

    [Fact]
    public void AResumptionIsMadeOrNotMadeAtEveryInstruction()
    {
        UserRegisters start = AtEnclu with { Rax = Eresume };
        UserRegisters resumed = Interrupt();
        bool hasResumed = false;
        int steps = Sweep(start, _code, StubAddress, resumed.Rip, at =>
        {
            bool made = _processor!.RestoredFrom != 0;
            Assert.True(made || !hasResumed);
            hasResumed = made;
            _ = _path.Stubs.Normalise(_own.Thread);
            if (!made)
            {
                AssertRegisters(start with { Rip = _stub.Enclu }, at);
                Assert.Equal((at, 0u, 0u, 1ul), (at, Inside, Busy, Cssa));
                return;
            }

            AssertRegisters(resumed, at);
            Assert.Equal((at, 1u, SlotNumber + 1u, 1ul << 32), (at, Inside, Busy, Cssa));
            Assert.Equal((at, _enclave + 0x4000, 7ul), (at, _processor.RestoredFrom, _processor.RestoredComponents));
        });
        Assert.True(hasResumed);
        Assert.True(steps > 100);
    }

    [Theory]
    [InlineData("no frame is in use")]
    [InlineData("the tracer has to do it")]
    [InlineData("the gate is shut")]
    [InlineData("RIP is not canonical")]
    [InlineData("FS is not canonical")]
    [InlineData("GS is not canonical")]
    [InlineData("TF is set")]
    [InlineData("a reserved byte of the header is not zero")]
    [InlineData("a component is not in XFRM")]
    [InlineData("a reserved bit of MXCSR is set")]
    public void WhatStandsAgainstAResumptionLeavesItToTheEnclu(string reason)
    {
        UserRegisters start = AtEnclu with { Rax = Eresume };
        _ = Interrupt();
        ulong frame = _enclave + 0x4000, gprsgx = frame + 0x1000 - 184, cssa = 1;
        switch (reason)
        {
            case "no frame is in use": Cssa = cssa = 0; break;
            case "the tracer has to do it": MemoryMarshal.Write(_file.Slice(Entry + FastLayout.EntryXfrm, 8), 0ul); break;
            case "the gate is shut": _path.Shut(); break;
            case "RIP is not canonical": Write(gprsgx + 136 + 6, [0x12]); break;
            case "FS is not canonical": Write(gprsgx + 168 + 5, [0x80]); break;
            case "GS is not canonical": Write(gprsgx + 176 + 7, [0xff]); break;
            case "TF is set": Write(gprsgx + 128 + 1, [0x03]); break;
            case "a reserved byte of the header is not zero": Write(frame + 575, [1]); break;
            case "a component is not in XFRM": Write(frame + 512, [0x0b]); break;
            case "a reserved bit of MXCSR is set": Write(frame + 27, [0x80]); break;
            default: throw new ArgumentException(reason);
        }

        _file.Slice(0, FastLayout.Notes).CopyTo(_tables);
        _ = Sweep(start, _code, StubAddress, _stub.Enclu, at =>
        {
            _ = _path.Stubs.Normalise(_own.Thread);
            AssertRegisters(start with { Rip = _stub.Enclu }, at);
            Assert.Equal((at, 0u, 0u, cssa), (at, Inside, Busy, Cssa));
            Assert.Equal(0ul, _processor!.RestoredFrom);
        });
    }

    [Theory]
    [InlineData(Eexit)]
    [InlineData(0u)]
    [InlineData(6u)]
    public void AnExitIsMadeOrNotMadeAtEveryInstruction(uint leaf)
    {
        // As an entry leaves the tables.
        Run(AtEnclu, _code, StubAddress, _enclave + Oentry);
        _file.Slice(0, FastLayout.Notes).CopyTo(_tables);
        const ulong site = 0x5000_0000, target = 0x40_3000;
        ExitStubCode stub = ExitStub.Assemble(site, Site);
        _path.Stubs.Add(stub);
        UserRegisters start = Entered with { Rip = site, Rax = leaf, Rbx = target, Rcx = 0x77 };
        UserRegisters left = start with { Rip = target, Rcx = Aep + 8, FsBase = HostFs + 8, GsBase = HostGs + 8 };
        bool decided = false;
        int steps = Sweep(start, stub.Code, site, leaf == Eexit ? target : stub.Enclu, at =>
        {
            bool made = at >= stub.IsEexit || at == target;
            decided |= made;
            _ = _path.Stubs.Normalise(_own.Thread);
            if (made)
            {
                AssertRegisters(left, at);
                Assert.Equal((at, 0u, 0u), (at, Inside, Busy));
            }
            else
            {
                AssertRegisters(start with { Rip = stub.Enclu }, at);
                Assert.Equal((at, 1u, SlotNumber + 1u), (at, Inside, Busy));
            }
        });
        Assert.Equal(leaf == Eexit, decided);
        Assert.True(steps > 4);
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("the gate is shut")]
    [InlineData("the enclave has no table")]
    [InlineData("the page awaits nothing")]
    [InlineData("the page awaits something else")]
    [InlineData("the page is not aligned")]
    [InlineData("the page is below the enclave")]
    [InlineData("the page is behind the enclave")]
    [InlineData("SECINFO is not aligned")]
    [InlineData("SECINFO is outside the enclave")]
    [InlineData("a reserved byte is not zero")]
    [InlineData("a reserved flag is not zero")]
    [InlineData("there is no room for notes")]
    public void APageIsAcceptedOrNotAtEveryInstruction(string against)
    {
        const ushort awaited = 0x20b; // SDM 3D, SECINFO: PT_REG, PENDING, W, R
        const ulong pageOffset = 0x9000;
        Run(AtEnclu, _code, StubAddress, _enclave + Oentry);
        using var tableFile = MappedFile.Create("awaited", 0x2000);
        using var sparse = new SparseFile((int)NativeMethods.SystemCall(32, tableFile.Descriptor, 0, 0, 0, 0, 0));
        nint table = NativeMethods.Mmap(0, 0x2000, MemoryProtection.Read | MemoryProtection.Write, MemoryProtection.Shared, tableFile.Descriptor, 0);
        var pages = new AwaitedPages(sparse, (ulong)table, _enclave, 0x10000);
        ulong secinfo = _enclave + 0xa040, page = _enclave + pageOffset;
        Write(secinfo, [0x0b, 0x02, .. new byte[62]]);
        MemoryMarshal.Write(_file.Slice(Entry + FastLayout.EntryAwaited, 8), (ulong)table);
        int slot = FastLayout.Slots + SlotNumber * FastLayout.SlotLength;
        ushort before = awaited;
        uint notes = 3;
        switch (against)
        {
            case "the gate is shut": _path.Shut(); break;
            case "the enclave has no table": MemoryMarshal.Write(_file.Slice(Entry + FastLayout.EntryAwaited, 8), 0ul); break;
            case "the page awaits nothing": before = 0; Write(secinfo, new byte[64]); break;
            case "the page awaits something else": before = 0x221; break;
            case "the page is not aligned": page += 0x40; break;
            case "the page is below the enclave": page = _enclave - 0x1000; break;
            case "the page is behind the enclave": page = _enclave + 0x10000; break;
            case "SECINFO is not aligned": secinfo += 8; break;
            case "SECINFO is outside the enclave": secinfo = _enclave + 0x10000; Write(secinfo, [0x0b, 0x02, .. new byte[62]]); break;
            case "a reserved byte is not zero": Write(secinfo + 63, [1]); break;
            case "a reserved flag is not zero": Write(secinfo + 2, [1]); break;
            case "there is no room for notes": notes = FastLayout.NotesLength; break;
            default: break;
        }

        MemoryMarshal.Write(_file.Slice(slot + FastLayout.SlotNotes, 4), notes);
        _file.Slice(0, FastLayout.Notes).CopyTo(_tables);
        const ulong stubAddress = 0x5000_0000, allFlags = 0xad7;
        ExitStubCode stub = ExitStub.Assemble(stubAddress, Site);
        _path.Stubs.Add(stub);
        UserRegisters start = Entered with { Rip = stubAddress, Rax = Eaccept, Rbx = secinfo, Rcx = page, Rflags = allFlags };
        UserRegisters accepted = start with { Rip = Site + 3, Rax = 0, Rflags = allFlags & ~0x8d5ul };
        bool isAccepted = false;
        int taken = 0;
        pages[pageOffset] = before;
        int steps = Sweep(start, stub.Code, stubAddress, against == "nothing" ? accepted.Rip : stub.Enclu, at =>
        {
            bool made = (at >= stub.Accept.Committed && at < stub.Accept.Slow) || at == accepted.Rip;
            Assert.True(made || !isAccepted);
            isAccepted = made;

            // Behind the exchange and before the branch the page is only the tracer's to look at.
            taken += !made && pages[pageOffset] != before ? 1 : 0;
            Assert.True(taken <= 1 && (!made || pages[pageOffset] == 0));
            _ = _path.Stubs.Normalise(_own.Thread);
            AssertRegisters(made ? accepted : start with { Rip = stub.Enclu }, at);
            Assert.Equal((at, 0u), (at, MemoryMarshal.Read<uint>(_file.Slice(slot + FastLayout.SlotAccepting, 4))));
            Assert.Equal((at, made ? notes + 1 : notes), (at, MemoryMarshal.Read<uint>(_file.Slice(slot + FastLayout.SlotNotes, 4))));
            if (made)
            {
                Assert.Equal(page, _path.TakeAccepted(_own.Thread)[^1]);
            }

            pages[pageOffset] = before;
        });
        Assert.Equal(against == "nothing", isAccepted);
        Assert.True(steps > 20);
        Assert.Equal(0, NativeMethods.Munmap(table, 0x2000));
    }

    [Fact]
    public void ATcsThatAnotherThreadHasTakenMeanwhileStaysTaken()
    {
        // The store that frees the TCS is not the exit stub's last instruction.
        Run(AtEnclu, _code, StubAddress, _enclave + Oentry);
        ExitStubCode stub = ExitStub.Assemble(0x5000_0000, Site);
        _path.Stubs.Add(stub);
        const uint other = SlotNumber + 5;
        const ulong target = 0x40_3000;
        var processor = new StubProcessor(_own.Space.Memory, stub.Start, stub.Code) { State = Entered with { Rip = stub.Start, Rax = Eexit, Rbx = target } };
        while (Busy != 0)
        {
            processor.Step();
        }

        Busy = other;
        int looked = 0;
        for (; processor.State.Rip != target; processor.Step(), looked++)
        {
            _own.Thread.Registers = processor.State;
            Assert.True(_path.Stubs.Normalise(_own.Thread));
            Assert.Equal((target, other), (_own.Thread.Registers.Rip, Busy));
        }

        Assert.NotEqual(0, looked);
    }

    [Fact]
    public void AnExitWithoutASlotIsTheTracers()
    {
        ExitStubCode stub = ExitStub.Assemble(0x5000_0000, Site);
        _path.Stubs.Add(stub);
        UserRegisters start = Entered with { Rip = stub.Start, Rax = Eexit, Rbx = 0x40_3000, Es = 0 };
        for (int count = 0; count < 8; count++)
        {
            var processor = new StubProcessor(_own.Space.Memory, stub.Start, stub.Code) { State = start };
            for (int i = 0; i < count; i++)
            {
                processor.Step();
            }

            _own.Thread.Registers = processor.State;
            Assert.True(_path.Stubs.Normalise(_own.Thread));

            // RCX is EEXIT's result only. SDM 3D, EEXIT.
            AssertRegisters(start with { Rip = stub.Enclu, Rcx = _own.Thread.Registers.Rcx }, processor.State.Rip);
        }
    }

    [Fact]
    public void TheVdsosStubIsKnownThoughItWasWrittenLater()
    {
        VdsoImage vdso = VdsoImage.Build([], fast: true);
        _own.Space.Vdso = vdso;
        vdso.WriteFunction(vdso.Bytes);
        _own.Thread.Registers = AtEnclu with { Rip = vdso.Stub!.Below, Rsp = AtEnclu.Rsp - 128 };
        Assert.True(_path.Stubs.Normalise(_own.Thread));
        AssertRegisters(AtEnclu with { Rip = vdso.Enclu!.Value }, vdso.Stub.Below);
    }

    [Fact]
    public void ElsewhereNothingIsChanged()
    {
        foreach (ulong rip in (ulong[])[StubAddress - 1, _stub.Enclu, _stub.Enclu + 3, Area.Fast, 0x1234])
        {
            _own.Thread.Registers = AtEnclu with { Rip = rip };
            Assert.False(_path.Stubs.Normalise(_own.Thread));
            AssertRegisters(AtEnclu with { Rip = rip }, rip);
        }
    }

    [Fact]
    public void TheModelFollowsAnEntryAndAnExitMadeByTheThread()
    {
        LogicalProcessor processor = _own.Thread.Processor;
        _path.FollowEntry(_own.Machine, _own.Thread);
        Assert.False(processor.EnclaveMode);
        Run(AtEnclu, _code, StubAddress, _enclave + Oentry);
        _path.FollowExit(_own.Machine, _own.Thread);
        _path.FollowEntry(_own.Machine, _own.Thread);
        Assert.True(processor.EnclaveMode);
        Assert.Equal((Aep + 8, HostFs + 8, HostGs + 8), (processor.Aep.Value, processor.SavedFsBase, processor.SavedGsBase));
        Assert.Equal(1, _path.FastEntries);
        ExitStubCode stub = ExitStub.Assemble(0x5000_0000, Site);
        Run(Entered with { Rip = stub.Start, Rax = Eexit, Rbx = 0x40_3000 }, stub.Code, stub.Start, 0x40_3000);
        _path.FollowExit(_own.Machine, _own.Thread);
        Assert.False(processor.EnclaveMode);
    }

    [Fact]
    public void TheModelFollowsAResumptionMadeByTheThread()
    {
        UserRegisters resumed = Interrupt();
        ref Tcs tcs = ref MemoryMarshal.AsRef<Tcs>(_own.Machine.Memory[new EpcPage(1)]);
        tcs.Cssa = 1;
        Run(AtEnclu with { Rax = Eresume }, _code, StubAddress, resumed.Rip);
        _path.FollowExit(_own.Machine, _own.Thread);
        _path.Tcss.FollowResumes(_own.Machine);
        _path.FollowEntry(_own.Machine, _own.Thread);
        Assert.True(_own.Thread.Processor.EnclaveMode);
        Assert.Equal((0u, 0ul), (tcs.Cssa, Cssa));
        _path.Tcss.FollowResumes(_own.Machine);
        Assert.Equal(0u, tcs.Cssa);
    }

    [Fact]
    public void AResumptionIsFollowedWhenTheThreadHasEnded()
    {
        UserRegisters resumed = Interrupt();
        ref Tcs tcs = ref MemoryMarshal.AsRef<Tcs>(_own.Machine.Memory[new EpcPage(1)]);
        tcs.Cssa = 1;
        Run(AtEnclu with { Rax = Eresume }, _code, StubAddress, resumed.Rip);
        _path.Release(_own.Thread);
        _path.Tcss.FollowResumes(_own.Machine);
        Assert.Equal((0u, 0ul, 0u), (tcs.Cssa, Cssa, Busy));
    }

    [Fact]
    public void AChangedPageShutsItsTcs()
    {
        ulong entryTcs() => MemoryMarshal.Read<ulong>(_file.Slice(Entry, 8));
        _path.Tcss.Invalidate(_enclave + 0x8000);
        Assert.Equal(_tcs, entryTcs());
        _path.Tcss.Invalidate(_enclave + 0x4000); // the current state save area frame
        Assert.Equal(0ul, entryTcs());
        _tables.CopyTo(_file.Slice(0, FastLayout.Notes));
        _path.Tcss.Invalidate(_tcs);
        Assert.Equal(0ul, entryTcs());
    }

    [Fact]
    public void EachSlotAndEachTcsHasAPlaceOfItsOwn()
    {
        // The stub's arithmetic and the tracer's agree, over the whole range of slots.
        for (int slot = 0; slot < FastLayout.MaximumSlots; slot += 97)
        {
            ulong selector = FastLayout.Selector(slot);
            Assert.Equal(FastLayout.SlotAddress(slot), unchecked(FastLayout.SlotBias + selector * 64));
            Assert.Equal((7ul, (ulong)(FastLayout.FirstDescriptor + slot)), (selector & 7, selector >> 3));
            Assert.True(selector <= ushort.MaxValue);
        }

        // 16 TCSs in a row, as runtimes place them, rarely share an entry.
        int[] places = [.. Enumerable.Range(0, 16).Select(i => FastLayout.IndexOf(_enclave + (ulong)i * 4096))];
        Assert.All(places, place => Assert.InRange(place, 0, (1 << FastLayout.TableBits) - 1));
        Assert.True(places.Distinct().Count() >= 14);
    }

    // Stops behind each instruction in turn, from the first to where the stub ends. Returns their number.
    private int Sweep(UserRegisters start, byte[] code, ulong address, ulong end, Action<ulong> check)
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
    private UserRegisters Interrupt()
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

    private void Write(ulong address, byte[] bytes) => Assert.True(_own.Space.Memory.TryWrite(address, bytes));

    private void Run(UserRegisters start, byte[] code, ulong address, ulong end)
    {
        var processor = new StubProcessor(_own.Space.Memory, address, code) { State = start };
        while (processor.State.Rip != end)
        {
            processor.Step();
        }
    }

    // SDM 3D, EENTER: the host's RSP and RBP are in the frame, URSP and URBP of GPRSGX.
    private void AssertFrame()
    {
        const int ursp = 144, gprsgx = 184;
        byte[] bytes = new byte[16];
        Assert.True(_own.Space.Memory.TryRead(_enclave + 0x5000 - gprsgx + ursp, bytes));
        Assert.Equal((AtEnclu.Rsp, AtEnclu.Rbp), (BitConverter.ToUInt64(bytes), BitConverter.ToUInt64(bytes, 8)));
    }

    private void AssertRegisters(UserRegisters expected, ulong at)
    {
        static string Text(UserRegisters r) => string.Join(' ', typeof(UserRegisters).GetFields().Select(f => $"{f.Name}={f.GetValue(r):x}"));
        Assert.Equal($"stopped at {at:x}: {Text(expected)}", $"stopped at {at:x}: {Text(_own.Thread.Peek())}");
    }
}
