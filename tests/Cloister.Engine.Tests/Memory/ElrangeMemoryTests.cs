using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Memory;

/// <summary><see cref="ElrangeMemory"/>: the program's own memory in the range of an enclave.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class ElrangeMemoryTests : IDisposable
{
    private const int ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private readonly TestEngine _engine = new();
    private readonly EnclaveImage _image = new();
    private readonly ulong _own;

    public ElrangeMemoryTests()
    {
        _engine.Build(_image);
        _own = _image.At(500).Value;
    }

    public void Dispose()
    {
        _ = TestKernel.Make(SystemCall.Munmap, [_own, 4096]);
        _engine.Dispose();
    }

    private ElrangeMemory Memory => _engine.Thread.Space.InElrange;

    [Fact]
    public void It_has_no_right_while_the_one_thread_is_inside()
    {
        MapOwn();
        Assert.True(Memory.HoldsGates);
        _engine.Enter(_engine.Thread, _image.Tcs);
        Assert.True(Memory.IsHidden && Memory.HoldsGates);
        Assert.Equal(MemoryProtection.None, Protection());
        Assert.Equal(ReadWrite, Memory.HiddenProtection(_own + 8));
        Assert.Null(Memory.HiddenProtection(_own + 4096));

        _engine.Execute(_engine.Thread, Architecture.EncluLeaf.Eexit, _engine.Enclu, 0, _image.At(EnclaveImage.CodePage).Value);
        Assert.False(Memory.IsHidden);
        Assert.Equal(ReadWrite, Protection());
        Assert.Null(Memory.HiddenProtection(_own));
    }

    [Fact]
    public void With_more_threads_it_stays_as_it_is()
    {
        _ = _engine.Add(2, _engine.Thread.Process);
        MapOwn();
        _engine.Enter(_engine.Thread, _image.Tcs);

        Assert.False(Memory.IsHidden || Memory.HoldsGates);
        Assert.Equal(ReadWrite, Protection());
    }

    [Fact]
    public void Where_there_is_none_nothing_is_done()
    {
        _engine.Enter(_engine.Thread, _image.Tcs);

        Assert.False(Memory.IsHidden || Memory.HoldsGates);
    }

    [Fact]
    public void Only_what_is_in_the_range_of_an_enclave_matters()
    {
        bool Concerns(ulong start, ulong length) => ElrangeMemory.Concerns(_engine.Tracer.Files.All, _engine.Thread.Space, start, length);

        Assert.True(Concerns(_image.Base, 1) && Concerns(_image.Base - 4096, 4097) && Concerns(_image.Base + _image.Size - 1, 4096));
        Assert.False(Concerns(_image.Base - 4096, 4096) || Concerns(_image.Base + _image.Size, 4096));
        using var other = new OwnThread();
        Assert.False(ElrangeMemory.Concerns(_engine.Tracer.Files.All, other.Space, _image.Base, 4096));
    }

    private void MapOwn()
    {
        Assert.Equal(0, _engine.Call(_engine.Thread, SystemCall.Munmap, _own, 4096));
        Assert.Equal((long)_own, _engine.Call(_engine.Thread, SystemCall.Mmap, _own, 4096, ReadWrite,
            MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.FixedNoReplace, ulong.MaxValue, 0));
    }

    private int Protection() => HeldMappings.Of(_engine.Thread).Single(line => line.Start <= _own && _own < line.End).Protection;
}
