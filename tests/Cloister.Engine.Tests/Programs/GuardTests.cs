using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.Programs;

/// <summary>What a guard does about threads that end, and about a host whose memory ends (<see cref="NoMemoryException"/>).</summary>
[Collection(ScenarioCollection.Name)]
public sealed class GuardTests : IDisposable
{
    private readonly TestEngine _engine = new();
    private readonly List<string> _notices = [];

    public GuardTests() => _engine.Tracer.OnNotice = _notices.Add;

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void What_goes_well_says_nothing()
    {
        bool done = false;

        Assert.Equal(0, _engine.Tracer.Guard.Run(() => done = true));
        Assert.True(done);
        Assert.False(_engine.Platform.AnyParked);
    }

    [Fact]
    public void A_thread_that_ended_leaves_its_enclave_and_what_was_told_of_it_comes_later()
    {
        var image = new EnclaveImage();
        _engine.Build(image);
        _engine.Enter(_engine.Thread, image.Tcs);
        var end = new ProgramEvent(EventKind.Ended, _engine.Thread.Id) { EndedBy = Signal.SIGKILL };

        Assert.Equal(_engine.Thread.Id, _engine.Tracer.Guard.Run(() => throw new ThreadEndedException(_engine.Thread.Id, end)));
        Assert.False(_engine.Thread.Processor.EnclaveMode);
        Assert.True(_engine.Platform.TryTakeParked(out ProgramEvent parked));
        Assert.Equal(end, parked);
        Assert.Same(_engine.Thread, _engine.Tracer.Processes.Find(_engine.Thread.Id));
    }

    [Fact]
    public void Nothing_is_told_that_was_not_heard()
    {
        const int unknown = 1 << 23;

        Assert.Equal(unknown, _engine.Tracer.Guard.Run(() => throw new ThreadEndedException(unknown)));
        Assert.False(_engine.Platform.AnyParked);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_memory_the_program_ends_that_wanted_it_or_the_largest(bool isKnown)
    {
        using StartingProgram wants = StoppedProcess.Start(), uses = StoppedProcess.Start();
        TracedThread cause = Thread(wants.Id), user = Thread(uses.Id);
        user.Process.IsDeviceUser = true;

        Assert.Equal(0, _engine.Tracer.Guard.Run(() => throw new NoMemoryException("fallocate", Errno.ENOSPC), isKnown ? cause : null));
        int killed = isKnown ? wants.Id : uses.Id, other = isKnown ? uses.Id : wants.Id;
        Assert.True(SpinWait.SpinUntil(() => HostKernel.StatusField(killed, "State:")?.StartsWith('Z') != false, TimeSpan.FromSeconds(10)));
        Assert.StartsWith("T", HostKernel.StatusField(other, "State:"));
        Assert.Contains("fallocate: ENOSPC", Assert.Single(_notices));
        wants.End();
        uses.End();
    }

    [Fact]
    public void Without_memory_and_anybody_who_uses_the_device_it_is_an_error() =>
        Assert.Throws<NoMemoryException>(() => _engine.Tracer.Guard.Run(() => throw new NoMemoryException("fallocate", Errno.ENOSPC)));

    private TracedThread Thread(int id) => _engine.Add(id, _engine.Tracer.Processes.New(id));
}
