using Cloister.Engine.Memory;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests.Memory;

public sealed class BreakpointsTests : IDisposable
{
    private readonly EnclaveFiles _files = new();
    private readonly IllegalSite[] _sites;

    public BreakpointsTests()
    {
        EnclaveFile file = _files.Open();
        _sites = [.. Enumerable.Range(0, 4).Select(i => new IllegalSite(file, (ulong)i * 16, 0xa2))];
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void There_are_four()
    {
        var breakpoints = new Breakpoints();
        foreach (IllegalSite site in _sites)
        {
            Assert.False(breakpoints.AreAll);
            breakpoints.Add(site);
        }

        Assert.True(breakpoints.AreAll);
    }

    [Fact]
    public void The_one_used_longest_ago_is_first()
    {
        var breakpoints = new Breakpoints();
        breakpoints.Add(_sites[0]);
        breakpoints.Add(_sites[1]);
        int version = breakpoints.Version;
        breakpoints.NoteUse(_sites[0]);
        Assert.Equal([_sites[1], _sites[0]], breakpoints.Sites);
        Assert.Equal(version, breakpoints.Version);
    }

    [Fact]
    public void Who_has_another_version_has_others()
    {
        var breakpoints = new Breakpoints();
        Assert.Equal(0, breakpoints.Version);
        breakpoints.Add(_sites[0]);
        breakpoints.Remove(_sites[1]);
        breakpoints.Remove(0x1000, 0x2000);
        Assert.Equal(1, breakpoints.Version);
        breakpoints.Remove(0, 16);
        Assert.Equal(2, breakpoints.Version);
        Assert.Empty(breakpoints.Sites);
    }

    [Fact]
    public void A_child_of_fork_has_its_parents()
    {
        var parent = new Breakpoints();
        parent.Add(_sites[2]);
        var child = new Breakpoints();
        child.CopyFrom(parent);
        Assert.True(child.Contains(_sites[2].Address));
        Assert.NotEqual(0, child.Version);
    }

    [Fact]
    public void Refused_they_are_ud2_again()
    {
        var breakpoints = new Breakpoints();
        _sites[0].PutBack();
        breakpoints.Add(_sites[0]);
        breakpoints.Refuse();
        Assert.True(breakpoints.AreRefused);
        Assert.False(_sites[0].IsGuarded);
        Assert.Empty(breakpoints.Sites);
    }
}
