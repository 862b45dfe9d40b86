using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Debugging;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Debugging;

/// <summary><see cref="DebuggedProcess"/>, <see cref="DebugControl"/>, <see cref="DebuggedMemory"/>, <see cref="ThreadRegisters"/>,
/// <see cref="ThreadSteps"/> and <see cref="Debugger"/>: who stands, who runs, what is told, kept and shown.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class DebuggedProcessTests : IDisposable
{
    private readonly TestEngine _engine = new();
    private readonly List<DebugStop> _stops = [];
    private readonly byte[] _code = GC.AllocateArray<byte>(32, pinned: true);

    public void Dispose() => _engine.Dispose();

    private TracedThread Thread => _engine.Thread;

    private List<string> Log => _engine.Platform.Log;

    private ulong Code => (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(_code, 0);

    private DebuggedProcess Attach()
    {
        _engine.Platform.Cause = (_, happened) => happened.Signal is Signal.SIGTRAP or Signal.SIGSEGV or Signal.SIGILL
            ? SignalCause.Exception : SignalCause.Sent;
        DebuggedProcess process = _engine.Tracer.Debugger.Attach(Thread.Process, _stops.Add)!;
        _stops.Clear();
        return process;
    }

    private static void RunAll(DebuggedProcess process, ThreadOrder order = default) => process.Resume(_ => order, runsAll: true);

    [Fact]
    public void It_stands_with_all_its_threads_and_says_so_once()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        _engine.Held(other).Stopped = false;
        Assert.NotNull(_engine.Tracer.Debugger.Attach(Thread.Process, _stops.Add));

        Assert.Equal([new DebugStop(DebugStopKind.Interrupt, Thread.Id)], _stops);
        Assert.True(other.Stopped);
        Assert.Null(_engine.Tracer.Debugger.Attach(Thread.Process, _stops.Add));
    }

    [Fact]
    public void What_happens_while_it_stands_is_answered_when_it_runs()
    {
        DebuggedProcess process = Attach();
        _engine.Happens(Thread, EventKind.Halted);
        Assert.DoesNotContain($"run {Thread.Id}", Log);
        Assert.False(_engine.Platform.AnyParked);

        RunAll(process);
        Assert.True(_engine.Platform.AnyParked);
        _engine.Tracer.Loop.Step();
        Assert.Equal($"run {Thread.Id}", Log[^1]);
    }

    [Fact]
    public void What_happens_to_others_is_answered()
    {
        TracedThread other = _engine.Add(2, _engine.Tracer.Processes.New(2));
        _ = Attach();
        _engine.Happens(other, EventKind.Halted);

        Assert.Equal("run 2", Log[^1]);
    }

    [Theory]
    [InlineData(Signal.SIGUSR1, " with 10")]
    [InlineData(0, "")]
    public void A_signal_is_told_before_the_program_has_it(int given, string run)
    {
        DebuggedProcess process = Attach();
        RunAll(process);
        _engine.Happens(Thread, EventKind.Signal, Signal.SIGUSR1);
        Assert.Equal([new DebugStop(DebugStopKind.Signal, Thread.Id) { Signal = Signal.SIGUSR1 }], _stops);
        Assert.DoesNotContain(Log, done => done.StartsWith("run", StringComparison.Ordinal));

        RunAll(process, new ThreadOrder(Steps: false) { Signal = given });
        Assert.Equal($"run {Thread.Id}{run}", Log[^1]);
        Assert.Single(_stops);
    }

    [Fact]
    public void A_signal_that_is_passed_is_not_told()
    {
        DebuggedProcess process = Attach();
        process.PassedSignals = 1UL << (Signal.SIGUSR1 - 1);
        RunAll(process);
        _engine.Happens(Thread, EventKind.Signal, Signal.SIGUSR1);

        Assert.Empty(_stops);
        Assert.Equal($"run {Thread.Id} with {Signal.SIGUSR1}", Log[^1]);
    }

    [Fact]
    public void A_step_is_over_where_the_instruction_pointer_has_moved()
    {
        DebuggedProcess process = Attach();
        Thread.Registers.Rip = Code;
        _engine.Happens(Thread, EventKind.Halted);
        RunAll(process, new ThreadOrder(Steps: true));
        _engine.Tracer.Loop.Step();
        Assert.Equal($"run {Thread.Id} for a step", Log[^1]);

        // A fault that is resolved: it is to execute the same once more.
        _engine.Happens(Thread, EventKind.Halted);
        Assert.Equal($"run {Thread.Id} for a step", Log[^1]);
        Assert.Empty(_stops);

        Thread.Registers.Rip = Code + 1;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapTrace, Code + 1);
        Assert.Equal([new DebugStop(DebugStopKind.Step, Thread.Id)], _stops);
    }

    [Fact]
    public void A_step_of_an_instruction_that_stays_is_over_all_the_same()
    {
        DebuggedProcess process = Attach();
        Thread.Registers.Rip = Code;
        _engine.Happens(Thread, EventKind.Halted);
        RunAll(process, new ThreadOrder(Steps: true));
        _engine.Tracer.Loop.Step();
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapTrace, Code);

        Assert.Equal([new DebugStop(DebugStopKind.Step, Thread.Id)], _stops);
    }

    [Fact]
    public void Steps_go_on_in_a_range()
    {
        DebuggedProcess process = Attach();
        Thread.Registers.Rip = Code;
        _engine.Happens(Thread, EventKind.Halted);
        RunAll(process, new ThreadOrder(Steps: true) { RangeStart = Code, RangeEnd = Code + 4 });
        _engine.Tracer.Loop.Step();
        for (ulong at = 1; at <= 4; at++)
        {
            Assert.Empty(_stops);
            Thread.Registers.Rip = Code + at;
            _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapTrace, Code + at);
        }

        Assert.Single(_stops);
    }

    [Fact]
    public void A_breakpoint_stops_before_what_stands_there_and_nobody_reads_it()
    {
        DebuggedProcess process = Attach();
        _code[3] = 0x90;
        Assert.True(process.InsertBreakpoint(Code + 3));
        Assert.Equal(0xcc, _code[3]);
        Span<byte> read = stackalloc byte[8];
        Assert.Equal(read.Length, process.Read(Code, read));
        Assert.Equal(0x90, read[3]);

        _engine.Happens(Thread, EventKind.Halted);
        RunAll(process);
        _engine.Tracer.Loop.Step();
        Thread.Registers.Rip = Code + 4;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.SiKernel, 0);
        Assert.Equal([new DebugStop(DebugStopKind.Breakpoint, Thread.Id)], _stops);
        Assert.Equal(Code + 3, Thread.Peek().Rip);

        process.RemoveBreakpoint(Code + 3);
        Assert.Equal(0x90, _code[3]);
    }

    [Fact]
    public void What_is_written_where_a_breakpoint_is_stands_behind_it()
    {
        DebuggedProcess process = Attach();
        Assert.True(process.InsertBreakpoint(Code + 1));
        Assert.True(process.Write(Code, [1, 2, 3]));
        Assert.Equal([1, 0xcc, 3], _code[..3]);
        process.RemoveBreakpoint(Code + 1);

        Assert.Equal([1, 2, 3], _code[..3]);
    }

    [Fact]
    public void A_thread_that_hits_one_beside_another_hits_it_again()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        DebuggedProcess process = Attach();
        Assert.True(process.InsertBreakpoint(Code));
        RunAll(process);
        _engine.Happens(Thread, EventKind.Halted);
        _engine.Happens(other, EventKind.Halted);

        // It meets the breakpoint while it is stopped for the first one's.
        _engine.Held(other).Registers.Rip = Code + 1;
        _engine.Held(other).Signal = new SignalInformation { Signal = Signal.SIGTRAP, Code = SignalInformation.SiKernel };
        _engine.Platform.OnHalt = halted => (HaltResult.Stands, new ProgramEvent(EventKind.Signal, halted.Id) { Signal = Signal.SIGTRAP });
        Thread.Registers.Rip = Code + 1;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.SiKernel, 0);

        Assert.Equal([new DebugStop(DebugStopKind.Breakpoint, Thread.Id)], _stops);
        Assert.Equal(Code, other.Peek().Rip);
        process.RemoveBreakpoint(Code);
        RunAll(process);
        Assert.Contains("run 2", Log);
        Assert.Single(_stops);
    }

    [Fact]
    public void A_step_that_is_over_when_another_stops_the_process_is_no_signal_of_the_programs()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        DebuggedProcess process = Attach();
        _engine.Happens(Thread, EventKind.Halted);
        _engine.Happens(other, EventKind.Halted);
        process.Resume(thread => new ThreadOrder(thread == 2), runsAll: true);
        _engine.Tracer.Loop.Step();
        _engine.Tracer.Loop.Step();
        _engine.Held(other).Signal = new SignalInformation { Signal = Signal.SIGTRAP, Code = SignalInformation.TrapTrace };
        _engine.Platform.OnHalt = halted => (HaltResult.Stands, new ProgramEvent(EventKind.Signal, halted.Id) { Signal = Signal.SIGTRAP });
        _engine.Happens(Thread, EventKind.Signal, Signal.SIGUSR1);
        RunAll(process, new ThreadOrder(Steps: false) { Signal = Signal.SIGUSR1 });
        while (_engine.Platform.AnyParked)
        {
            _engine.Tracer.Loop.Step();
        }

        Assert.Equal([Signal.SIGUSR1], _stops.Select(stop => stop.Signal));
    }

    [Fact]
    public void A_thread_that_is_not_to_run_stands()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        DebuggedProcess process = Attach();
        _engine.Happens(Thread, EventKind.Halted);
        _engine.Happens(other, EventKind.Halted);
        process.Resume(thread => thread == 2 ? new ThreadOrder() : null, runsAll: false);
        while (_engine.Platform.AnyParked)
        {
            _engine.Tracer.Loop.Step();
        }

        Assert.Contains("run 2", Log);
        Assert.DoesNotContain($"run {Thread.Id}", Log);
        Assert.False(process.IsStopped);

        _engine.End(other);
        Assert.Equal([new DebugStop(DebugStopKind.NothingRuns, Thread.Id)], _stops);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Signal.SIGKILL)]
    public void Its_end_is_told(int? signal)
    {
        DebuggedProcess process = Attach();
        _engine.End(Thread, signal);

        DebugStop expected = signal is { } number ? new DebugStop(DebugStopKind.Killed, process.Id) { Signal = number }
            : new DebugStop(DebugStopKind.Exited, process.Id);
        Assert.Equal([expected], _stops);
        Assert.True(process.IsOver);
        Assert.Null(_engine.Tracer.Debugger.Current);
    }

    [Theory]
    [InlineData(Signal.SIGINT, "")]
    [InlineData(Signal.SIGUSR1, " with 10")]
    public void Who_goes_leaves_nothing(int signal, string run)
    {
        DebuggedProcess process = Attach();
        _code[0] = 0x90;
        Assert.True(process.InsertBreakpoint(Code));
        RunAll(process);
        _engine.Happens(Thread, EventKind.Signal, signal);
        process.Detach();

        Assert.Equal($"run {Thread.Id}{run}", Log[^1]);
        Assert.Equal(0x90, _code[0]);
        Assert.False(Thread.Space.IsDebugged);
        Assert.Null(_engine.Platform.StaysParked);
        Assert.NotNull(_engine.Tracer.Debugger.Attach(Thread.Process, _stops.Add));
    }

    [Fact]
    public void A_copy_of_its_memory_has_no_breakpoints()
    {
        DebuggedProcess process = Attach();
        _code[0] = 0x90;
        Assert.True(process.InsertBreakpoint(Code));

        // The copy is of this process as well: what is written there can be seen.
        using var copy = new AddressSpace(_engine.Tracer.Machine, Environment.ProcessId);
        Thread.Space.Planted.RemoveFrom(copy.Planted);
        Assert.Equal(0x90, _code[0]);
    }

    [Theory]
    [InlineData(0x0f, 0xa2, 0xf4)]
    [InlineData(0x0f, 0x0b, 0x0f)]
    [InlineData(0x90, 0x90, 0x90)]
    public void CPUID_that_is_written_where_it_was_replaced_is_replaced(byte first, byte second, byte there)
    {
        DebuggedProcess process = Attach();
        (_code[0], _code[1]) = (0xf4, 0xa2);
        Assert.True(Thread.Space.CpuidSites.Add(Code));
        Assert.True(process.Write(Code, [first, second]));
        Assert.Equal([there, second], _code[..2]);
    }

    [Fact]
    public void Who_has_executed_one_that_is_gone_executes_what_stands_there()
    {
        DebuggedProcess process = Attach();
        _code[0] = 0x90;
        Assert.True(process.InsertBreakpoint(Code));
        RunAll(process);
        _engine.Happens(Thread, EventKind.Halted);
        process.Detach();
        Log.Clear();

        Thread.Registers.Rip = Code + 1;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.SiKernel, 0);
        Assert.Equal(Code, Thread.Peek().Rip);
        Assert.Equal($"run {Thread.Id}", Log[^1]);
    }

    [Fact]
    public void An_enclave_is_told_of_and_looked_into_where_it_may_be()
    {
        var image = new EnclaveImage { Code = TestEngine.Touching };
        _engine.Build(image);
        DebuggedProcess process = Attach();
        ulong code = image.At(EnclaveImage.CodePage).Value;
        Span<byte> read = stackalloc byte[TestEngine.Touching.Length];
        Assert.Equal(read.Length, process.Read(code, read));
        Assert.Equal(TestEngine.Touching, read.ToArray());

        Assert.True(process.InsertBreakpoint(code));
        EnclaveFile file = Thread.Space.Mappings.Find(code)!.File;
        ulong offset = code - file.Base;
        Assert.Equal(0xcc, file.Bytes(offset)[0]);
        Assert.Equal(TestEngine.Touching[0], file.Contents(offset)[0]);
        _ = process.Read(code, read);
        Assert.Equal(TestEngine.Touching[0], read[0]);
        process.RemoveBreakpoint(code);
        Assert.Equal(TestEngine.Touching[0], file.Bytes(offset)[0]);
    }

    [Fact]
    public void A_production_enclave_stays_closed()
    {
        var image = new EnclaveImage { Attributes = AttributeFlags.Mode64Bit };
        _engine.Build(image);
        DebuggedProcess process = Attach();
        ulong code = image.At(EnclaveImage.CodePage).Value;

        Assert.Equal(0, process.Read(code, new byte[8]));
        Assert.False(process.Write(code, [1]));
        Assert.False(process.InsertBreakpoint(code));

        // Of its threads what an asynchronous exit would leave.
        process.Detach();
        _engine.Enter(Thread, image.Tcs);
        process = Attach();
        _engine.Held(Thread).Stopped = true;
        Assert.Equal(ThreadPlace.Hidden, process.PlaceOf(Thread.Id));
        Assert.True(process.TryGetRegisters(Thread.Id, new byte[1024], out UserRegisters registers));
        Assert.Equal(((ulong)EncluLeaf.Eresume, image.Tcs.Value, _engine.Enclu), (registers.Rax, registers.Rbx, registers.Rip));
        Assert.False(process.SetRegisters(Thread.Id, registers));
    }

    [Fact]
    public void After_an_asynchronous_exit_the_frame_is_shown_until_the_thread_runs()
    {
        var image = new EnclaveImage { Code = TestEngine.Touching };
        _engine.Build(image);
        DebuggedProcess process = Attach();
        process.KnowCode([(0, ulong.MaxValue)]);
        RunAll(process);
        _engine.Enter(Thread, image.Tcs);
        Assert.True(Thread.Processor.EnclaveMode);
        (Thread.Registers.Rdi, Thread.Registers.Rip) = (0x10, image.At(EnclaveImage.CodePage).Value);
        _engine.Platform.Handled.Add(Signal.SIGSEGV);
        _engine.Touch(Thread, new LinearAddress(0x10));

        Assert.Equal([new DebugStop(DebugStopKind.Signal, Thread.Id) { Signal = Signal.SIGSEGV }], _stops);
        Assert.Equal(ThreadPlace.Exited, process.PlaceOf(Thread.Id));
        Assert.Equal(image.Tcs.Value, process.TcsOf(Thread.Id));
        Assert.True(process.TryGetRegisters(Thread.Id, new byte[1024], out UserRegisters registers));
        Assert.Equal((image.At(EnclaveImage.CodePage).Value, 0x10UL), (registers.Rip, registers.Rdi));

        // What is written is the frame's, and ERESUME finds it there.
        registers.Rdi = image.Data.Value;
        Assert.True(process.SetRegisters(Thread.Id, registers));
        Assert.True(process.TryGetRegisters(Thread.Id, new byte[1024], out registers));
        Assert.Equal(image.Data.Value, registers.Rdi);
        Assert.NotEqual(image.Data.Value, Thread.Peek().Rdi);
        RunAll(process);
        Assert.Equal(ThreadPlace.Unknown, process.PlaceOf(Thread.Id));
        Assert.False(Thread.JustExited);
    }

    [Fact]
    public void Who_goes_while_it_runs_leaves_no_breakpoint_that_is_being_hit()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        DebuggedProcess process = Attach();
        _code[0] = 0x90;
        Assert.True(process.InsertBreakpoint(Code));
        _engine.Happens(Thread, EventKind.Halted);
        _engine.Happens(other, EventKind.Halted);
        process.Resume(thread => new ThreadOrder(thread == 2), runsAll: true);
        while (_engine.Platform.AnyParked)
        {
            _engine.Tracer.Loop.Step();
        }

        // One hits it and the other has stepped when they are stopped.
        (Thread.Registers.Rip, other.Registers.Rip) = (Code + 1, Code + 8);
        _engine.Held(Thread).Signal = new SignalInformation { Signal = Signal.SIGTRAP, Code = SignalInformation.SiKernel };
        _engine.Held(other).Signal = new SignalInformation { Signal = Signal.SIGTRAP, Code = SignalInformation.TrapTrace };
        _engine.Platform.OnHalt = halted => (HaltResult.Stands, new ProgramEvent(EventKind.Signal, halted.Id) { Signal = Signal.SIGTRAP });
        process.Detach();
        while (_engine.Platform.AnyParked)
        {
            _engine.Tracer.Loop.Step();
        }

        Assert.Empty(_stops);
        Assert.Equal(Code, Thread.Peek().Rip);
        Assert.Equivalent(new[] { "run 2", $"run {Thread.Id}" }, Log.Where(done => done.StartsWith("run", StringComparison.Ordinal))
            .TakeLast(2), strict: true);
        Assert.Empty(_engine.Platform.Raised);
    }

    [Fact]
    public void A_step_whose_end_comes_late_is_nobodys_signal()
    {
        DebuggedProcess process = Attach();
        _engine.Happens(Thread, EventKind.Halted);
        RunAll(process, new ThreadOrder(Steps: true));
        _engine.Tracer.Loop.Step();
        _engine.Platform.OnHalt = _ => (HaltResult.Waits, default);
        process.Detach();
        Thread.Registers.Rip = Code + 2;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapBreakpoint, 0);
        Assert.Equal($"run {Thread.Id}", Log[^1]);
        Assert.Empty(_engine.Platform.Raised);

        // The next one is the program's.
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapTrace, 0);
        Assert.NotEqual($"run {Thread.Id}", Log[^1]);
    }

    [Fact]
    public void What_was_put_back_before_it_stood_is_looked_at_as_well()
    {
        TracedThread other = _engine.Add(2, Thread.Process);
        DebuggedProcess process = Attach();
        Assert.True(process.InsertBreakpoint(Code));
        RunAll(process);
        _engine.Happens(Thread, EventKind.Halted);
        other.Registers.Rip = Code + 1;
        _engine.Held(other).Signal = new SignalInformation { Signal = Signal.SIGTRAP, Code = SignalInformation.SiKernel };
        _engine.Platform.PutBack(other.Held, new ProgramEvent(EventKind.Signal, 2) { Signal = Signal.SIGTRAP });
        process.Interrupt();

        Assert.Equal(Code, other.Peek().Rip);
    }

    [Fact]
    public void Code_that_is_executed_first_is_told_of_unless_its_names_are_known()
    {
        var image = new EnclaveImage { Code = TestEngine.Touching };
        _engine.Build(image);
        DebuggedProcess process = Attach();
        RunAll(process);
        _engine.Enter(Thread, image.Tcs);
        ulong code = image.At(EnclaveImage.CodePage).Value;
        Thread.Registers.Rip = code;
        for (int i = 0; i < 2 && _stops.Count == 0; i++)
        {
            _engine.Fault(Thread, Signal.SIGSEGV, SignalInformation.SegvAccessError, code);
        }

        Assert.Equal([new DebugStop(DebugStopKind.Code, Thread.Id)], _stops);
        process.KnowCode([(code, code + 4096)]);
        RunAll(process);
        Assert.Equal($"run {Thread.Id}", Log[^1]);
        _engine.Tracer.Debugger.NoteExecutable(Thread, code, code + 4096);
        _engine.Happens(Thread, EventKind.Halted);
        Assert.Single(_stops);
        _engine.Tracer.Debugger.NoteExecutable(Thread, code + 4096, code + 8192);
        _engine.Happens(Thread, EventKind.Halted);
        Assert.Equal(2, _stops.Count);
    }

    [Fact]
    public void A_step_of_code_that_was_left_asynchronously_is_over_behind_its_instruction_and_not_before_it()
    {
        var image = new EnclaveImage { Code = TestEngine.Touching };
        _engine.Build(image);
        DebuggedProcess process = Attach();
        process.KnowCode([(0, ulong.MaxValue)]);
        RunAll(process);
        _engine.Enter(Thread, image.Tcs);
        Thread.Registers.Rip = image.At(EnclaveImage.CodePage).Value;
        _engine.Happens(Thread, EventKind.Signal, Signal.SIGUSR1);
        Assert.Equal(ThreadPlace.Exited, process.PlaceOf(Thread.Id));
        _stops.Clear();

        // ERESUME is executed first, at the asynchronous exit pointer.
        RunAll(process, new ThreadOrder(Steps: true));
        Assert.Empty(_stops);
        _engine.Execute(Thread, EncluLeaf.Eresume, image.Tcs.Value, _engine.Enclu);
        Assert.True(Thread.Processor.EnclaveMode);
        Assert.Empty(_stops);
        Assert.Equal($"run {Thread.Id} for a step", Log[^1]);

        Thread.Registers.Rip += 3;
        _engine.Fault(Thread, Signal.SIGTRAP, SignalInformation.TrapTrace, 0);
        Assert.Equal([new DebugStop(DebugStopKind.Step, Thread.Id)], _stops);
    }
}
