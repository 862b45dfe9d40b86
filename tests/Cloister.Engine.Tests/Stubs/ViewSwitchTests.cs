using System.Runtime.InteropServices;
using Cloister.Engine.Fast;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Stubs;
using Cloister.Engine.Tests.Fast;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Stubs;

/// <summary>
/// <see cref="ViewSwitch"/>, <see cref="ViewSwitchAddresses"/>: strict isolation, entries and exits that show and hide the enclaves.
/// </summary>
public sealed class ViewSwitchTests : FastPathTestCase
{
    private const ulong Target = 0x40_3000, ExitAddress = 0x5000_0000;
    private static readonly ProtectedRange s_rights = new(0x10000, 0x30000, 3), s_code = new(0x50000, 0x51000, 1),
        s_none = new(0x10000, 0x30000, 0);
    private readonly List<ProtectedRange> _calls = [];
    private readonly byte[] _fresh;

    public ViewSwitchTests()
        : base(switchesView: true)
    {
        Assert.True(_path.View!.SetCalls(1, [s_rights, s_code], [s_none]));
        _fresh = _file.Slice(0, FastLayout.Notes).ToArray();
        Begin(inside: 0);
    }

    private uint View => MemoryMarshal.Read<uint>(_file.Slice(FastLayout.View, 4));

    private static UserRegisters With(UserRegisters registers) => registers with
    {
        Rdi = 0xd1,
        R8 = 0x88,
        R9 = 0x99,
        R10 = 0xaa,
        R11 = 0xbb,
    };

    [Fact]
    public void An_entry_shows_the_enclaves_wherever_it_is_stopped()
    {
        bool seen = false;
        int steps = Sweep(With(AtEnclu), _code, StubAddress, _enclave + Oentry, at =>
        {
            bool entered = Inside != 0;
            AfterStop(entered ? With(Entered) : With(AtEnclu) with { Rip = _stub.Enclu }, at);
            seen |= View == FastLayout.ViewChanges;

            // Calls that were made are of a view that is known, or known not to be.
            Assert.Contains((at, _calls.Count, View),
                (IEnumerable<(ulong, int, uint)>)[(at, 0, 0u), (at, 2, 1u), (at, _calls.Count, FastLayout.ViewChanges)]);
            Assert.Equal(entered ? (2, 1u) : (_calls.Count, View), (_calls.Count, View));
        });
        Assert.True(seen && steps > 60);
        Assert.Equal([s_rights, s_code], _calls);
    }

    [Fact]
    public void An_exit_hides_them_wherever_it_is_stopped()
    {
        ExitStubCode stub = Leaving(inside: 1);
        bool seen = false;
        _ = Sweep(With(Entered) with { Rip = ExitAddress, Rax = Eexit, Rbx = Target }, stub.Code, ExitAddress, Target, at =>
        {
            bool made = at >= stub.IsEexit || at - Area.Gadget < 4096 || at == Target;
            AfterStop(made ? Left : With(Entered) with { Rip = stub.Enclu, Rax = Eexit, Rbx = Target }, at);
            Assert.Equal(made ? 0u : 1u, Inside);
            seen |= View == FastLayout.ViewChanges;
            Assert.Contains((at, _calls.Count, View),
                (IEnumerable<(ulong, int, uint)>)[(at, 0, 1u), (at, 1, 0u), (at, _calls.Count, FastLayout.ViewChanges)]);
        });
        Assert.True(seen);
        Assert.Equal([s_none], _calls);
        Assert.Equal(0u, View);
    }

    [Fact]
    public void Who_is_not_the_first_or_the_last_makes_no_call()
    {
        Begin(inside: 1);
        Assert.Equal(With(Entered), Ran(With(AtEnclu), _code, StubAddress, _enclave + Oentry));
        Assert.Equal((2u, 0), (View, _calls.Count));

        ExitStubCode stub = Leaving(inside: 2);
        Assert.Equal(Left, Ran(With(Entered) with { Rip = ExitAddress, Rax = Eexit, Rbx = Target }, stub.Code, ExitAddress, Target));
        Assert.Equal((1u, 0), (View, _calls.Count));
    }

    [Theory]
    [InlineData(FastLayout.ViewTaken)]
    [InlineData(FastLayout.ViewChanges)]
    public void Who_finds_it_changing_goes_to_the_tracer(uint view)
    {
        MemoryMarshal.Write(_file.Slice(FastLayout.View, 4), view);
        Assert.Equal(With(AtEnclu) with { Rip = _stub.Enclu }, Ran(With(AtEnclu), _code, StubAddress, _stub.Enclu));
        Assert.Equal(0u, Busy);

        ExitStubCode stub = Leaving(inside: 1);
        MemoryMarshal.Write(_file.Slice(FastLayout.View, 4), view);
        UserRegisters start = With(Entered) with { Rip = ExitAddress, Rax = Eexit, Rbx = Target };
        UserRegisters stopped = Ran(start, stub.Code, ExitAddress, stub.Enclu);
        Assert.Equal(start with { Rip = stub.Enclu }, stopped with { Rcx = start.Rcx });
        Assert.Equal((view, 1u), (View, Inside));
    }

    [Fact]
    public void After_so_many_entries_the_tracer_is_asked()
    {
        _path.View!.Set(0, 0);
        Assert.Equal(With(AtEnclu) with { Rip = _stub.Enclu }, Ran(With(AtEnclu), _code, StubAddress, _stub.Enclu));
    }

    [Fact]
    public void What_a_thread_changes_when_it_is_taken_is_not_known()
    {
        MemoryMarshal.Write(_file.Slice(FastLayout.View, 4), FastLayout.ViewChanges);
        _path.View!.Take();
        Assert.Null(_path.View.Inside);
        _path.View.Set(3, 1);
        _path.View.Take();
        Assert.Equal(3, _path.View.Inside);
    }

    [Fact]
    public void More_calls_than_there_is_room_for_are_refused() =>
        Assert.False(_path.View!.SetCalls(2, [.. Enumerable.Repeat(s_none, FastLayout.MostCalls + 1)], []));

    private UserRegisters Left => With(Entered) with
    {
        Rip = Target,
        Rax = Eexit,
        Rbx = Target,
        Rcx = Aep + 8,
        FsBase = HostFs + 8,
        GsBase = HostGs + 8,
    };

    private void Begin(int inside)
    {
        _path.View!.Set(inside, 100);
        _file.Slice(0, FastLayout.Notes).CopyTo(_tables);
    }

    // As an entry leaves the tables, with so many threads inside.
    private ExitStubCode Leaving(int inside)
    {
        _fresh.CopyTo(_file.Slice(0, FastLayout.Notes));
        Begin(inside: 0);
        _ = Ran(With(AtEnclu), _code, StubAddress, _enclave + Oentry);
        ExitStubCode stub = ExitStub.Assemble(ExitAddress, Site, switchesView: true);
        _path.Stubs.Add(stub);
        Begin(inside);
        return stub;
    }

    private void AfterStop(UserRegisters expected, ulong at)
    {
        _ = _path.Normalise(_own.Thread);
        AssertRegisters(expected with { OrigRax = _own.Thread.Peek().OrigRax }, at);
    }

    private new int Sweep(UserRegisters start, byte[] code, ulong address, ulong end, Action<ulong> check)
    {
        for (int count = 0; ; count++)
        {
            _tables.CopyTo(_file.Slice(0, FastLayout.Notes));
            StubProcessor processor = Processor(start, code, address);
            for (int i = 0; i < count; i++)
            {
                processor.Step();
            }

            _own.Thread.Registers = processor.State;
            ulong at = processor.State.Rip;
            check(at);
            if (at == end)
            {
                return count;
            }

            Assert.True(count < 300);
        }
    }

    private UserRegisters Ran(UserRegisters start, byte[] code, ulong address, ulong end)
    {
        StubProcessor processor = Processor(start, code, address);
        while (processor.State.Rip != end)
        {
            processor.Step();
        }

        return processor.State;
    }

    private StubProcessor Processor(UserRegisters start, byte[] code, ulong address)
    {
        _calls.Clear();
        return new StubProcessor(_own.Space.Memory, address, code)
        {
            State = start,
            Gadget = (Area.Gadget, Gadget.Code.ToArray()),
            Call = (number, first, length, protection) =>
            {
                Assert.Equal((ulong)SystemCall.Mprotect, number);
                _calls.Add(new ProtectedRange(first, first + length, protection));
                return 0;
            },
        };
    }
}
