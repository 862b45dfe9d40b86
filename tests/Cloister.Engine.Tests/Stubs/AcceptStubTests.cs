using System.Runtime.InteropServices;
using Cloister.Engine.Fast;
using Cloister.Engine.Stubs;
using Cloister.Engine.Tests.Fast;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Iced.Intel;

namespace Cloister.Engine.Tests.Stubs;

/// <summary>EACCEPT by a stub: <see cref="AcceptStub"/>.</summary>
public sealed class AcceptStubTests : FastPathTestCase
{
    [Fact]
    public void Its_parts_lie_in_order_and_the_way_to_the_ENCLU_leaves_no_trace()
    {
        const ulong address = 0x5200_0000, next = 0x6000_0000, allFlags = 0xad7;
        var a = new Assembler(64);
        var stub = new AcceptStub();
        Label start = a.CreateLabel(), enclu = a.CreateLabel();
        stub.Emit(a, ref start, next, enclu);
        a.Label(ref enclu);
        a.nop();
        using var stream = new MemoryStream();
        AssemblerResult result = a.Assemble(new StreamCodeWriter(stream), address, BlockEncoderOptions.ReturnNewInstructionOffsets);
        AcceptStubAddresses addresses = stub.Addresses(result, next);
        ulong[] inOrder = [addresses.Start, addresses.PageSaved, addresses.Saved, addresses.Committed, addresses.Noted, addresses.Slow];
        Assert.Equal((address, next), (addresses.Start, addresses.Next));
        Assert.Equal(inOrder.Distinct().Order(), inOrder);

        _path.Shut();
        UserRegisters before = Entered with { Rip = address, Rax = _enclave, Rcx = 0, Rflags = allFlags };
        var processor = new StubProcessor(_own.Space.Memory, address, stream.ToArray()) { State = before };
        while (processor.State.Rip != result.GetLabelRIP(enclu))
        {
            processor.Step();
        }

        _own.Thread.Registers = processor.State;
        AssertRegisters(before with { Rip = result.GetLabelRIP(enclu), Rax = Eaccept, Rcx = _enclave }, address);
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
    public void A_page_is_accepted_or_not_at_every_instruction(string against)
    {
        const ushort awaited = 0x20b; // SDM 3D, SECINFO: PT_REG, PENDING, W, R
        const ulong pageOffset = 0x9000;
        Run(AtEnclu, _code, StubAddress, _enclave + Oentry);
        using var tableFile = MappedFile.Create("awaited", 0x2000);
        using var sparse = new SparseFile((int)NativeMethods.SystemCall(32, tableFile.Descriptor, 0, 0, 0, 0, 0));
        nint table =
            NativeMethods.Mmap(0, 0x2000, MemoryProtection.Read | MemoryProtection.Write, MemoryProtection.Shared, tableFile.Descriptor, 0);
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
            _ = _path.Normalise(_own.Thread);
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
}
