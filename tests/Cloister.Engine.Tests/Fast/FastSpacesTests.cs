using Cloister.Architecture;
using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Fast;
using Cloister.Engine.Options;
using Cloister.Engine.Programs;
using Cloister.Engine.Stubs;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Fast;

/// <summary><see cref="FastSpaces"/>, <see cref="FastThread"/> and <see cref="Gates"/>: who has a slot, and what is taken back.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class FastSpacesTests : IDisposable
{
    private readonly TestEngine _engine = new(mode: EngineMode.Fast);
    private readonly EnclaveImage _image = new();

    public FastSpacesTests() => _engine.Build(_image);

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void The_first_entry_gives_a_thread_a_slot_and_a_selector()
    {
        Assert.Null(_engine.Tracer.Fast.Of(_engine.Thread));
        _engine.Enter(_engine.Thread, _image.Tcs);

        Assert.Equal(0, _engine.Tracer.Fast.Of(_engine.Thread)?.SlotOf(_engine.Thread));
        Assert.Equal(FastLayout.Selector(0), _engine.Thread.Peek().Es);
        Assert.Equal(FastLayout.SlotAddress(0) + FastLayout.SlotInside, _engine.Held(_engine.Thread).RefusesCallsBy());
    }

    [Fact]
    public void The_slot_of_one_that_ends_is_the_next_ones()
    {
        TracedThread second = _engine.Add(2, _engine.Thread.Process), third = _engine.Add(3, _engine.Thread.Process);
        _engine.Enter(_engine.Thread, _image.Tcs);
        _engine.Execute(_engine.Thread, EncluLeaf.Eexit, _engine.Enclu, 0);
        _engine.Enter(second, _image.Tcs);
        _engine.Execute(second, EncluLeaf.Eexit, _engine.Enclu, 0);
        _engine.End(second, Signal.SIGKILL);
        _engine.Enter(third, _image.Tcs);

        Assert.Equal(1, _engine.Tracer.Fast.Of(third)?.SlotOf(third));
        Assert.Null(_engine.Tracer.Fast.Of(second));
    }

    [Fact]
    public void An_address_space_that_ends_takes_its_fast_path_along()
    {
        _engine.Enter(_engine.Thread, _image.Tcs);
        Engine.Memory.AddressSpace space = _engine.Thread.Space;
        FastPath path = _engine.Tracer.Fast.Of(space)!;
        _engine.Tracer.Fast.Forget(space);

        Assert.False(_engine.Tracer.Fast.Any);
        Assert.Null(_engine.Tracer.Fast.Of(space));
        _ = TestKernel.Make(SystemCall.Munmap, [Engine.Platforms.Area.Fast, FastLayout.FileLength]);
    }

    [Fact]
    public void With_the_gates_shut_the_model_knows_who_is_inside()
    {
        _engine.Enter(_engine.Thread, _image.Tcs);
        using (_engine.Tracer.Gates.Shut(null))
        {
            Assert.True(_engine.Thread.Processor.EnclaveMode);
        }

        Assert.True(_engine.Tracer.Fast.Any);
    }
}
