using Cloister.Engine.Memory;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Engine.Tests.Memory;

public sealed class OrdinaryMemoryTests : IDisposable
{
    private const int None = MemoryProtection.None, Read = MemoryProtection.Read, Write = MemoryProtection.Write,
        Execute = MemoryProtection.Execute;
    private readonly OwnThread _own = new();
    private readonly ulong _memory = OwnMemory.Map(2);

    public void Dispose()
    {
        OwnMemory.Unmap(_memory, 2);
        _own.Dispose();
    }

    [Theory]
    [InlineData(Read, AccessKind.Read, PageWalkKind.Ordinary)]
    [InlineData(Read | Write, AccessKind.Write, PageWalkKind.Ordinary)]
    [InlineData(Read | Execute, AccessKind.Execute, PageWalkKind.Ordinary)]
    [InlineData(Write, AccessKind.Read, PageWalkKind.Ordinary)]
    [InlineData(None, AccessKind.Read, PageWalkKind.NotPresent)]
    [InlineData(None, AccessKind.Execute, PageWalkKind.NotPresent)]
    [InlineData(Read | Write, AccessKind.Execute, PageWalkKind.Denied)]
    [InlineData(Read, AccessKind.Write, PageWalkKind.NotPresent)]
    public void An_access_ends_as_after_the_kernels_fault_handler(int protection, AccessKind access, PageWalkKind expected)
    {
        OwnMemory.Protect(_memory, 1, protection);

        Assert.Equal(expected, OrdinaryMemory.Walk(_own.Space, _memory + 8, access).Kind);
    }

    [Fact]
    public void A_write_to_what_is_there_and_not_writable_is_refused_by_the_page()
    {
        Assert.True(_own.Space.Memory.TryWrite(_memory, [1]));
        OwnMemory.Protect(_memory, 2, Read);

        Assert.Equal(PageWalk.Denied, OrdinaryMemory.Walk(_own.Space, _memory + 4095, AccessKind.Write));
        Assert.Equal(PageWalk.NotPresent, OrdinaryMemory.Walk(_own.Space, _memory + 4096, AccessKind.Write));
    }

    [Fact]
    public void Where_nothing_is_mapped_nothing_is()
    {
        ulong gone = OwnMemory.Map(1);
        Assert.True(OrdinaryMemory.IsMapped(_own.Space, gone));
        OwnMemory.Unmap(gone, 1);

        Assert.False(OrdinaryMemory.IsMapped(_own.Space, 0));
        Assert.Equal(PageWalk.NotPresent, OrdinaryMemory.Walk(_own.Space, 8, AccessKind.Read));
    }
}
