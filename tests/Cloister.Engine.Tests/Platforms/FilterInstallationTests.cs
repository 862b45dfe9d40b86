using System.Buffers.Binary;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms;

[Collection(ScenarioCollection.Name)]
public sealed class FilterInstallationTests : IDisposable
{
    private const ulong SetModeFilter = 1, ThreadSync = 1, SetNoNewPrivileges = 38;
    private readonly TestEngine _engine = new();
    private readonly byte[] _program = new BpfProgram().Load(BpfProgram.NumberOffset).Return(BpfProgram.Allow).Assemble();

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void All_threads_of_a_process_get_it()
    {
        Assert.Equal([[SetModeFilter, ThreadSync, RemoteCalls.DataAddress]], Install());
        ReadOnlySpan<byte> data = RemoteCalls.Data(_engine.Thread, 16 + _program.Length);
        Assert.Equal(2, BinaryPrimitives.ReadUInt16LittleEndian(data));
        Assert.Equal(RemoteCalls.DataAddress + 16, BinaryPrimitives.ReadUInt64LittleEndian(data[8..]));
        Assert.Equal(_program, data[16..].ToArray());
    }

    [Fact]
    public void One_without_privileges_gains_none_any_more() => Assert.Equal(
        [[SetModeFilter, ThreadSync, RemoteCalls.DataAddress], [SetNoNewPrivileges, 1, 0, 0, 0],
            [SetModeFilter, ThreadSync, RemoteCalls.DataAddress]],
        Install(-(long)Errno.EACCES));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_another_thread_stands_in_the_way_this_one_gets_it(bool hasNoPrivileges) => Assert.Equal(
        [SetModeFilter, 0UL, RemoteCalls.DataAddress], Install(hasNoPrivileges ? [-(long)Errno.EACCES, 0, 4711] : [4711])[^1]);

    // What the kernel answers, then 0.
    private List<ulong[]> Install(params long[] results)
    {
        var next = new Queue<long>(results);
        _engine.Held(_engine.Thread).OnCall = call => next.TryDequeue(out long result) ? result : 0;
        FilterInstallation.Install(_engine.Thread, _program);
        List<RemoteCall> calls = _engine.Held(_engine.Thread).Calls;
        Assert.All(calls,
            call => Assert.Equal(call.Arguments[0] == SetNoNewPrivileges ? SystemCall.Prctl : SystemCall.Seccomp, call.Number));
        return [.. calls.Select(call => call.Arguments)];
    }
}
