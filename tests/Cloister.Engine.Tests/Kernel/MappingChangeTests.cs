using Cloister.Engine.Kernel;
using Cloister.Engine.Memory;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests.Kernel;

public sealed class MappingChangeTests : IDisposable
{
    private readonly EnclaveFiles _files = new();
    private readonly EnclaveFile _one, _other;

    public MappingChangeTests()
    {
        (_one, _other) = (_files.Open(), _files.Open());
        (_one.VirtualEpc, _other.VirtualEpc) = (new KernelVirtualEpc(1, _one), new KernelVirtualEpc(2, _other));
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Only_what_is_another_is_told()
    {
        var whole = new EnclaveMapping(0x10000, 0x20000, 3, _one, 0x1000);
        Assert.Equal([new MappingChange(0x10000, 0x20000, 1, 3, 0x11000)], MappingChange.Since([], [whole]));
        Assert.Empty(MappingChange.Since([whole], [whole with { End = 0x14000 }, whole with { Start = 0x14000 }]));
        Assert.Equal(
            [new MappingChange(0x12000, 0x13000, 1, 1, 0x13000)],
            MappingChange.Since([whole],
            [
                whole with { End = 0x12000 },
                whole with { Start = 0x12000, End = 0x13000, Protection = 1 },
                whole with { Start = 0x13000 },
            ]));
        Assert.Equal(
            [
                new MappingChange(0x10000, 0x11000, 0, 0, 0),
                new MappingChange(0x1f000, 0x20000, 2, 3, 0x1f000),
                new MappingChange(0x20000, 0x21000, 2, 3, 0x20000),
            ],
            MappingChange.Since([whole], [whole with { Start = 0x11000, End = 0x1f000 }, new EnclaveMapping(0x1f000, 0x21000, 3, _other)]));
        Assert.Equal([new MappingChange(0x10000, 0x20000, 0, 0, 0)], MappingChange.Since([whole], []));
    }
}
