using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Engine.Stubs;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Tests.Fast;

/// <summary>The model follows what threads did by themselves, by the tables that both have.</summary>
public sealed class FollowingTests : FastPathTestCase
{
    [Fact]
    public void The_model_follows_an_entry_and_an_exit_made_by_the_thread()
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
    public void The_model_follows_a_resumption_made_by_the_thread()
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
    public void A_resumption_is_followed_when_the_thread_has_ended()
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
    public void A_changed_page_shuts_its_TCS()
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
    public void Each_slot_and_each_TCS_has_a_place_of_its_own()
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
}
