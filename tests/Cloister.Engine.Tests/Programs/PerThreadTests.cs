using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests.Programs;

public sealed class PerThreadTests : IDisposable
{
    private readonly OwnThread _one = new(), _other = new();

    public void Dispose()
    {
        _one.Dispose();
        _other.Dispose();
    }

    [Fact]
    public void Each_thread_has_its_own_until_it_is_forgotten()
    {
        var kept = new PerThread<List<int>>();
        Assert.Null(kept.Find(_one.Thread));
        List<int> first = kept.Of(_one.Thread);
        first.Add(7);

        Assert.Same(first, kept.Of(_one.Thread));
        Assert.Same(first, kept.Find(_one.Thread));
        Assert.Empty(kept.Of(_other.Thread));
        kept.Forget(_one.Thread);
        Assert.Null(kept.Find(_one.Thread));
        Assert.NotNull(kept.Find(_other.Thread));
    }
}
