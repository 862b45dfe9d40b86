using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms;

public sealed class DumpableTests : IDisposable
{
    private const ulong Get = 3, Set = 4;
    private readonly OwnThread _own = new();
    private readonly List<string> _done = [];

    public void Dispose() => _own.Dispose();

    private TestThread Held => (TestThread)_own.Thread.Held;

    [Fact]
    public void One_that_refuses_is_made_to_show_itself_for_the_one_look()
    {
        Assert.Equal("seen", Reach(dumpable: 0, "refused", "seen"));
        Assert.Equal(["refused", "get", "set 1", "seen", "set 0"], _done);
    }

    [Fact]
    public void One_that_shows_only_to_root_shows_to_nobody_afterwards()
    {
        Assert.Null(Reach(dumpable: 2, "refused", "refused"));
        Assert.Equal(["refused", "get", "set 1", "refused", "set 0"], _done);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-(int)Errno.EPERM)]
    public void One_that_shows_itself_refuses_for_another_reason(int dumpable)
    {
        Assert.Null(Reach(dumpable, "refused", "seen"));
        Assert.Equal(["refused", "get"], _done);
    }

    [Fact]
    public void Nothing_is_done_to_one_that_does_not_refuse_or_has_no_place_for_calls()
    {
        Assert.Equal("seen", Reach(dumpable: 0, "seen"));
        _own.Space.Table?.Dispose();
        _own.Space.Table = null;
        Assert.Null(Dumpable.Reach<string>(_own.Thread, () => null));
        Assert.Equal(["seen"], _done);
    }

    private string? Reach(int dumpable, params string[] outcomes)
    {
        var next = new Queue<string>(outcomes);
        _own.Space.Table = MappedFile.Create("area", Area.Length);
        Held.OnCall = call =>
        {
            Assert.Equal(SystemCall.Prctl, call.Number);
            _done.Add(call.Arguments[0] == Set ? $"set {call.Arguments[1]}" : "get");
            return call.Arguments[0] == Get ? dumpable : 0;
        };
        return Dumpable.Reach(_own.Thread, () =>
        {
            string outcome = next.Dequeue();
            _done.Add(outcome);
            return outcome == "seen" ? outcome : null;
        });
    }
}
