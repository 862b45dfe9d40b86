using System.Buffers.Binary;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.SystemCalls;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.SystemCalls;

/// <summary><see cref="OwnFilters"/>: a program's sandbox, with room for the calls that are made in its name.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class OwnFiltersTests : IDisposable
{
    private const ulong SetModeStrict = 0, SetModeFilter = 1, ModeStrict = 1, ModeFilter = 2, SetNoNewPrivileges = 38;
    private const int HeaderLength = 16;
    private readonly TestEngine _engine = new();
    private readonly ulong _memory = OwnMemory.Map(10);
    private readonly byte[] _allow = new BpfProgram().Return(BpfProgram.Allow).Assemble();

    public void Dispose()
    {
        OwnMemory.Unmap(_memory, 10);
        _engine.Dispose();
    }

    private TracedThread Thread => _engine.Thread;

    private List<RemoteCall> Calls => _engine.Held(Thread).Calls;

    [Fact]
    public void A_filter_is_installed_with_room_for_the_gadgets_calls()
    {
        Assert.Equal(0, Ask(SystemCall.Seccomp, SetModeFilter, 0x10, Put(_allow)));

        RemoteCall made = Assert.Single(Calls);
        Assert.Equal(SystemCall.Seccomp, made.Number);
        Assert.Equal([SetModeFilter, 0x10UL, RemoteCalls.DataAddress], made.Arguments);
        byte[] expected = ProgramFilter.Make(_allow);
        ReadOnlySpan<byte> data = RemoteCalls.Data(Thread, HeaderLength + expected.Length);
        Assert.Equal(expected.Length / 8, BinaryPrimitives.ReadUInt16LittleEndian(data));
        Assert.Equal(RemoteCalls.DataAddress + HeaderLength, BinaryPrimitives.ReadUInt64LittleEndian(data[8..]));
        Assert.Equal(expected, data[HeaderLength..].ToArray());
        Assert.True(Thread.Process.HasFilters);
    }

    [Fact]
    public void What_the_kernel_refuses_is_refused_and_none_is_there()
    {
        _engine.Held(Thread).OnCall = call => -(long)Errno.EACCES;

        Assert.Equal(-(long)Errno.EACCES, Ask(SystemCall.Prctl, OwnFilters.SetSeccomp, ModeFilter, Put(_allow)));
        Assert.Equal([OwnFilters.SetSeccomp, ModeFilter, RemoteCalls.DataAddress, 0UL, 0UL], Assert.Single(Calls).Arguments);
        Assert.False(Thread.Process.HasFilters);
    }

    [Fact]
    public void A_program_hears_of_its_own_filters_only()
    {
        Assert.Equal(0, Ask(SystemCall.Prctl, OwnFilters.GetSeccomp));
        Assert.Equal(0, Ask(SystemCall.Seccomp, SetModeFilter, 0, Put(_allow)));
        Assert.Equal((long)ModeFilter, Ask(SystemCall.Prctl, OwnFilters.GetSeccomp));
    }

    [Fact]
    public void What_cannot_be_read_or_be_so_long_is_the_kernels_to_refuse()
    {
        int longest = ProgramFilter.MostInstructions - ProgramFilter.PrologueCount;
        byte[] program = [.. Enumerable.Repeat(_allow, longest + 1).SelectMany(instruction => instruction)];

        Assert.Equal(Answer.Pass, Answered(SystemCall.Seccomp, SetModeFilter, 0, 8));
        Assert.Equal(Answer.Pass, Answered(SystemCall.Seccomp, SetModeFilter, 0, Put([])));
        Assert.Equal(Answer.Pass, Answered(SystemCall.Seccomp, SetModeFilter, 0, Put(program)));
        Assert.Equal(Answer.Pass, Answered(SystemCall.Seccomp, SetModeFilter, 0, Put(_allow, at: 8)));
        Assert.Equal(Answer.Pass, Answered(SystemCall.Seccomp, 7, 0, Put(_allow)));
        Assert.Equal(Answer.Pass, Answered(SystemCall.Prctl, OwnFilters.SetSeccomp, 7, Put(_allow)));
        Assert.Empty(Calls);
        Assert.Equal(0, Ask(SystemCall.Seccomp, SetModeFilter, 0, Put(program[..(longest * 8)])));
    }

    [Fact]
    public void Strict_mode_is_a_filter_that_needs_no_privilege()
    {
        _engine.Held(Thread).OnCall = call => Calls.Count == 1 ? -(long)Errno.EACCES : 0;

        Assert.Equal(0, Ask(SystemCall.Prctl, OwnFilters.SetSeccomp, ModeStrict));
        Assert.Equal([SystemCall.Seccomp, SystemCall.Prctl, SystemCall.Seccomp], Calls.Select(call => call.Number));
        Assert.Equal([SetNoNewPrivileges, 1UL, 0UL, 0UL, 0UL], Calls[1].Arguments);
        Assert.True(Thread.IsStrict && Thread.Process.HasFilters);
        Assert.Equal(-(long)Errno.EINVAL, Made(OwnFilters.Prctl(Thread)));
    }

    [Fact]
    public void Strict_mode_takes_no_flags()
    {
        Assert.Equal(Answer.Pass, Answered(SystemCall.Seccomp, SetModeStrict, 1, 0));
        Assert.Equal(Answer.Pass, Answered(SystemCall.Seccomp, SetModeStrict, 0, 1));
        Assert.Equal(0, Ask(SystemCall.Seccomp, SetModeStrict, 0, 0));
        Assert.True(Thread.IsStrict);
    }

    [Fact]
    public void A_thread_in_strict_mode_ends_by_another_call_and_its_process_if_it_is_the_last()
    {
        using StartingProgram program = StoppedProcess.Start();
        TracedThread first = _engine.Add(program.Id, _engine.Tracer.Processes.New(program.Id)),
            second = _engine.Add(1 << 23, first.Process);
        first.IsStrict = true;
        Assert.All(ProgramFilter.StrictCalls, call => Assert.Null(Ends(first, call)));
        Assert.Null(Ends(second, SystemCall.Getpid));

        Assert.Equal(Answer.Pass, Ends(first, SystemCall.Getpid));
        Assert.Equal(((ulong)SystemCall.Exit, (ulong)Signal.SIGKILL), (first.Peek().OrigRax, first.Peek().Rdi));
        Assert.StartsWith("T", HostKernel.StatusField(program.Id, "State:"));

        _ = first.Process.Threads.Remove(second);
        Assert.Equal(Answer.Stand, Ends(first, SystemCall.Getpid));
        Assert.True(
            SpinWait.SpinUntil(() => HostKernel.StatusField(program.Id, "State:")?.StartsWith('Z') != false, TimeSpan.FromSeconds(10)));
        program.End();
    }

    [Theory]
    [InlineData(SystemCall.Mmap, (ulong)ProgramFilter.GadgetMark << 32, 0UL, true)]
    [InlineData(SystemCall.Mmap, (ulong)ProgramFilter.GadgetMark, 0UL, false)]
    [InlineData(SystemCall.Getpid, (ulong)ProgramFilter.GadgetMark << 32, 0UL, false)]
    [InlineData(SystemCall.Getpid, 0UL, Area.Gadget + 2, true)]
    [InlineData(SystemCall.Getpid, 0UL, Area.Gadget + 4096, false)]
    [InlineData(SystemCall.Getpid, 0UL, Area.Gadget - 1, false)]
    public void A_program_with_filters_cannot_speak_as_the_tracer(long call, ulong offset, ulong rip, bool isRefused)
    {
        ref UserRegisters r = ref Thread.Registers;
        (r.OrigRax, r.R9, r.Rip) = ((ulong)call, offset, rip);
        Assert.Null(OwnFilters.Refuses(Thread));
        Thread.Process.HasFilters = true;

        Assert.Equal(isRefused ? Answer.Made(-(long)Errno.ENOSYS) : null, OwnFilters.Refuses(Thread));
    }

    // struct sock_fprog and the instructions behind it.
    private ulong Put(byte[] program, ulong? at = null)
    {
        const ulong instructions = 0x100;
        byte[] header = new byte[HeaderLength];
        BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)(program.Length / 8));
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(8), at ?? _memory + instructions);
        Assert.True(Thread.Space.Memory.TryWrite(_memory, header));
        Assert.True(program.Length == 0 || Thread.Space.Memory.TryWrite(_memory + instructions, program));
        return _memory;
    }

    private static Answer? Ends(TracedThread thread, long call)
    {
        thread.Registers.OrigRax = (ulong)call;
        return OwnFilters.EndsStrict(thread);
    }

    private Answer Answered(long call, params ulong[] arguments)
    {
        ulong[] all = [.. arguments, .. new ulong[3 - arguments.Length]];
        ref UserRegisters r = ref Thread.Registers;
        (r.OrigRax, r.Rdi, r.Rsi, r.Rdx) = ((ulong)call, all[0], all[1], all[2]);
        return call == SystemCall.Seccomp ? OwnFilters.Seccomp(Thread) : OwnFilters.Prctl(Thread);
    }

    private long Ask(long call, params ulong[] arguments) => Made(Answered(call, arguments));

    private static long Made(Answer answer)
    {
        Assert.True(answer.IsMade);
        return answer.Result;
    }
}
