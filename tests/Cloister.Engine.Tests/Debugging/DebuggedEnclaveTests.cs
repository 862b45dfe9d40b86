using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Debugging;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Debugging;

/// <summary><see cref="DebuggedProcess"/>, <see cref="DebuggedMemory"/> and <see cref="ThreadRegisters"/>: what is shown of enclaves.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class DebuggedEnclaveTests : DebuggedTestCase
{
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
