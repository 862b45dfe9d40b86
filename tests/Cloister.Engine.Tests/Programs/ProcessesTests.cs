using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Programs;

/// <summary>
/// <see cref="Processes"/>, <see cref="Interruptions"/> and <see cref="UntoldChildren"/>: beginnings and ends, in the middle of everything.
/// </summary>
[Collection(ScenarioCollection.Name)]
public sealed class ProcessesTests : IDisposable
{
    private readonly TestEngine _engine = new();
    private readonly EnclaveImage _image = new();

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void The_end_of_a_program_gives_all_of_the_EPC_back()
    {
        long free = _engine.Tracer.Driver.Statistics.EpcPagesFree;
        _engine.Build(_image);
        Assert.True(_engine.Tracer.Driver.Statistics.EpcPagesFree < free);
        _engine.Close();
        _engine.Enter(_engine.Thread, _image.Tcs);
        Unmap();
        _engine.End(_engine.Thread, Signal.SIGKILL);

        Assert.True(_engine.Tracer.Processes.AreNone);
        Assert.Equal(free, _engine.Tracer.Driver.Statistics.EpcPagesFree);
    }

    [Fact]
    public void A_thread_that_dies_while_its_stop_is_answered_leaves_the_enclave()
    {
        _engine.Build(_image);
        _engine.Enter(_engine.Thread, _image.Tcs);
        _engine.Held(_engine.Thread).DiesAtCall = true;
        _engine.Thread.Registers.Rip = _image.At(EnclaveImage.CodePage).Value;
        _engine.Fault(_engine.Thread, Signal.SIGSEGV, SignalInformation.SegvAccessError, _image.At(EnclaveImage.CodePage).Value);

        Assert.False(_engine.Thread.Processor.EnclaveMode);
        _engine.Held(_engine.Thread).DiesAtCall = false;
    }

    [Fact]
    public void One_that_dies_lets_its_TCS_to_others()
    {
        _engine.Build(_image);
        TracedThread other = _engine.Add(2, _engine.Thread.Process);
        _engine.Enter(other, _image.Tcs);
        _engine.End(other, Signal.SIGKILL);
        _engine.Enter(_engine.Thread, _image.Tcs);

        Assert.True(_engine.Thread.Processor.EnclaveMode);
        Assert.Contains("release 2", _engine.Platform.Log);
    }

    [Fact]
    public void A_thread_that_nobody_knows_yet_is_kept_until_its_maker_tells_of_it()
    {
        _engine.Platform.Happens(new ProgramEvent(EventKind.Halted, 77));
        _engine.Tracer.Loop.Step();

        Assert.Null(_engine.Tracer.Processes.Find(77));
        Assert.True(_engine.Tracer.Processes.Untold.Any);
    }

    [Fact]
    public void A_memory_that_was_kept_for_a_child_is_given_back_with_the_word_of_the_childs_parent()
    {
        long free = _engine.Tracer.Driver.Statistics.EpcPagesFree;
        _engine.Build(_image);
        _engine.Close();
        _engine.Platform.Happens(new ProgramEvent(EventKind.Halted, 77));
        _engine.Tracer.Loop.Step();
        _engine.End(_engine.Thread, Signal.SIGKILL);
        Unmap();
        Assert.NotEqual(free, _engine.Tracer.Driver.Statistics.EpcPagesFree);
        _engine.Tracer.Processes.Untold.Claim(77);

        Assert.Equal(free, _engine.Tracer.Driver.Statistics.EpcPagesFree);
    }

    [Fact]
    public void The_end_of_one_that_nobody_told_of_is_not_that_of_the_next_with_its_number()
    {
        _engine.Platform.Happens(new ProgramEvent(EventKind.Ended, 77));
        _engine.Tracer.Loop.Step();
        _engine.Tracer.Processes.Untold.Claim(77);

        Assert.False(_engine.Platform.IsParked(77));
    }

    [Fact]
    public void A_program_that_is_executed_has_a_memory_of_its_own()
    {
        _engine.Build(_image);
        Engine.Memory.AddressSpace old = _engine.Thread.Space;
        _engine.Platform.Happens(new ProgramEvent(EventKind.ImageBegan, _engine.Thread.Id));
        _engine.Tracer.Loop.Step();
        TracedThread image = _engine.Tracer.Processes.Find(_engine.Thread.Id)!;

        Assert.NotSame(_engine.Thread, image);
        Assert.NotSame(old, image.Space);
        Assert.Empty(image.Space.Mappings.All);
        Assert.Contains($"image of {image.Id}", _engine.Platform.Log);
    }

    [Fact]
    public void Children_that_nobody_told_of_have_the_filters_of_their_maker_and_add_their_own()
    {
        // Numbers that no process has: kernel.pid_max is 2^22 at most.
        const int first = 1 << 23, second = first + 1;
        TracedProcess maker = _engine.Thread.Process;
        _ = maker.Covered.Add(0x10000, 0x10000);
        _engine.Tracer.Processes.Adopt(first, maker);
        _engine.Tracer.Processes.Adopt(second, maker);
        HeldProcess one = _engine.Tracer.Processes.Find(first)!.Process, other = _engine.Tracer.Processes.Find(second)!.Process;

        Assert.False(one.Covered.Add(0x10000, 0x10000));
        Assert.True(one.Covered.Add(0x40000, 0x10000));
        Assert.True(other.Covered.Add(0x40000, 0x10000));
        Assert.True(maker.Covered.Add(0x40000, 0x10000));
    }

    [Fact]
    public void One_that_is_held_runs_on_afterwards_and_one_that_met_something_does_not()
    {
        TracedThread other = _engine.Add(2, _engine.Thread.Process), third = _engine.Add(3, _engine.Thread.Process);
        (_engine.Held(other).Stopped, _engine.Held(third).Stopped) = (false, false);
        _engine.Platform.OnHalt = thread => (HaltResult.Stands, thread.Id == 2 ? new ProgramEvent(EventKind.Halted, 2)
            : new ProgramEvent(EventKind.Signal, 3) { Signal = Signal.SIGUSR1 });
        using (_engine.Tracer.Interruptions.HoldOthers(_engine.Thread))
        {
            Assert.True(other.Stopped && third.Stopped);
        }

        Assert.Contains("run 2", _engine.Platform.Log);
        Assert.DoesNotContain("run 3", _engine.Platform.Log);
        Assert.True(third.HasParkedStop);
        Assert.True(_engine.Platform.IsParked(3));
    }

    [Fact]
    public void One_that_has_not_begun_is_not_held_alone_either()
    {
        TracedThread other = _engine.Add(2, _engine.Thread.Process);
        (_engine.Held(other).Stopped, other.IsNewSharer) = (false, true);
        _engine.Platform.OnHalt = thread => (HaltResult.Stands, new ProgramEvent(EventKind.Halted, thread.Id));
        using (_engine.Tracer.Interruptions.Hold(other))
        {
            Assert.False(other.Stopped);
        }

        Assert.True(other.IsNewSharer);
        Assert.DoesNotContain("run 2", _engine.Platform.Log);
    }

    private void Unmap()
    {
        foreach (Engine.Memory.EnclaveMapping mapping in _engine.Thread.Space.Mappings.All.ToArray())
        {
            _ = TestKernel.Make(SystemCall.Munmap, [mapping.Start, mapping.End - mapping.Start]);
        }
    }
}
