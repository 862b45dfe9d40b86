using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.Fast;

/// <summary><see cref="StrictView"/>, <see cref="SpaceView"/>, <see cref="SharedView"/>, <see cref="HostCode"/>, <see cref="ViewAge"/> and
/// <see cref="CleanPages"/>: what strict isolation shows and hides.</summary>
public sealed class StrictViewTests : IDisposable
{
    private readonly OwnThread _own = new();

    public void Dispose() => _own.Dispose();

    [Theory]
    [InlineData("/usr/lib/libc.so.6", false, true, 7ul)]
    [InlineData("/usr/lib/libc.so.6", true, true, 0ul)]
    [InlineData("[stack]", false, false, 7ul)]
    [InlineData("/SYSV00000000 (deleted)", true, false, 0ul)]
    public void Code_loses_execution_and_nothing_else(string path, bool isShared, bool isLasting, ulong inode)
    {
        HostCode code = HostCode.Of(new MapsLine(0x1000, 0x3000, 7, path) { IsShared = isShared, Inode = 7 });
        Assert.Equal((new ProtectedRange(0x1000, 0x3000, 7), new ProtectedRange(0x1000, 0x3000, 3)), (code.Shown, code.Hidden));
        Assert.Equal((isLasting, inode), (code.IsLasting, code.Inode));
        Assert.True(code.Contains(0x2fff) && !code.Contains(0x3000) && !code.Contains(0xfff));
        Assert.True(code.Overlaps(0x2fff, 0x4000) && !code.Overlaps(0x3000, 0x4000) && !code.Overlaps(0, 0x1000));
        Assert.True(code.IsLike(code with { IsUsed = true }) && !code.IsLike(code with { Protection = 5 }));
    }

    [Fact]
    public void What_is_used_is_asked_apart()
    {
        HostCode used = new(0x1000, 0x2000, 5) { IsUsed = true }, unused = new(0x3000, 0x4000, 5);
        var view = new SpaceView { Code = [used, unused] };
        Assert.Equal([used], view.CodeThat(isUsed: true));
        Assert.Equal([unused], view.CodeThat(isUsed: false));
        Assert.True(view.IsStale);
    }

    [Fact]
    public void Who_is_shown_often_is_looked_at_again()
    {
        var age = new ViewAge { Budget = 2 };
        var calls = new RemoteCalls();
        Assert.False(age.IsDue(_own.Space, calls));
        Assert.False(age.IsDue(_own.Space, calls));
        Assert.True(age.IsDue(_own.Space, calls));

        // There is no page at all: nothing is dropped, and the next look is far.
        Assert.Equal(0, calls.Count);
        int far = age.Budget;
        Assert.True(far > 100);
        age.Limit(_own.Space);
        Assert.Equal(far, age.Budget);
    }

    [Fact]
    public void Pages_that_are_the_files_own_are_dropped_and_those_that_were_written_stay()
    {
        string file = Path.GetTempFileName();
        File.WriteAllBytes(file, new byte[8 * 4096]);
        using FileStream stream = File.OpenRead(file);
        nint address = NativeMethods.Mmap(0, 8 * 4096, MemoryProtection.Read | MemoryProtection.Write, MemoryProtection.Private,
            (int)stream.SafeFileHandle.DangerousGetHandle(), 0);
        Assert.NotEqual(-1, address);
        ulong start = (ulong)address;
        Assert.True(_own.Space.Memory.TryRead(start, new byte[8 * 4096]));
        Assert.True(_own.Space.Memory.TryWrite(start + 3 * 4096, [1]));

        var calls = new RemoteCalls();
        CleanPages.AddDropCalls(calls, Environment.ProcessId, start, start + 8 * 4096);
        Assert.Equal([(start, 3 * 4096ul), (start + 4 * 4096, 4 * 4096ul)],
            calls.All.Select(call => (call.Arguments[0], call.Arguments[1])));
        Assert.All(calls.All, call => Assert.Equal((SystemCall.Madvise, 4ul), (call.Number, call.Arguments[2])));
        OwnMemory.Unmap(start, 8);
        File.Delete(file);
    }
}
