using Cloister.Engine.SystemCalls;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.SystemCalls;

/// <summary><see cref="NodeOperations"/>: a node's open file has ioctl and mmap only.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class NodeOperationsTests : IDisposable
{
    private const long Einval = -(long)Errno.EINVAL, Enodev = -(long)Errno.ENODEV;
    private readonly TestEngine _engine = new();
    private readonly ulong _node;

    public NodeOperationsTests() => _node = (ulong)_engine.Open("/dev/sgx_provision");

    public void Dispose()
    {
        HostKernel.Close((int)_node);
        _engine.Dispose();
    }

    [Theory]
    [InlineData(0, 4096, Enodev)]
    [InlineData(4096, 1, Enodev)]
    [InlineData(-1, 4096, Einval)]
    [InlineData(0, 0, Einval)]
    [InlineData(0, -1, Einval)]
    public void Room_is_not_made_and_a_range_is_looked_at_first(long offset, long length, long result) =>
        Assert.Equal(result, Call(SystemCall.Fallocate, _node, 0, (ulong)offset, (ulong)length));

    [Theory]
    [InlineData(1, 0L)]
    [InlineData(2, 0L)]
    [InlineData(2 | 4, 0L)]
    [InlineData(8, 0L)]
    [InlineData(0, Einval)]
    [InlineData(3, Einval)]
    [InlineData(32, Einval)]
    public void Locks_are_taken_and_given_up_and_Cloisters_own_stays(int operation, long result)
    {
        Assert.Equal(result, Call(SystemCall.Flock, _node, (ulong)operation));
        _engine.Tracer.Files.CheckLifetimes(null);
        Assert.NotNull(_engine.Tracer.Files.Find(_engine.Thread, (int)_node));
    }

    [Theory]
    [InlineData(SystemCall.Ftruncate)]
    [InlineData(SystemCall.Fsync)]
    [InlineData(SystemCall.Pread64)]
    [InlineData(SystemCall.Pwritev2)]
    public void All_else_that_a_memory_file_could_is_refused(long call) => Assert.Equal(Einval, Call(call, _node, 0, 0, 0));

    [Fact]
    public void Other_files_are_the_kernels()
    {
        using MappedFile other = MappedFile.Create("other", 4096);
        _engine.Thread.Registers.Rdi = (ulong)other.Descriptor;
        _engine.Thread.Registers.OrigRax = SystemCall.Ftruncate;

        Assert.Equal(Engine.Programs.Answer.Pass, new NodeOperations(_engine.Tracer.Files).Handle(_engine.Thread));
    }

    private long Call(long number, params ulong[] arguments) => _engine.Call(_engine.Thread, number, arguments);
}
