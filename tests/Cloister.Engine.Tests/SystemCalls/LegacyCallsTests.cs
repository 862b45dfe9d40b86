using System.Text;
using Cloister.Driver;
using Cloister.Engine.Memory;
using Cloister.Engine.SystemCalls;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.SystemCalls;

/// <summary>What older interfaces have of their own: an enclave that is its mapping (<see cref="BoundMappings"/>), and keys
/// (<see cref="ExecuteDirtyKeys"/>).</summary>
[Collection(ScenarioCollection.Name)]
public sealed class LegacyCallsTests : IDisposable
{
    private const ulong Length = 1 << 20;
    private const long Einval = -(long)Errno.EINVAL;
    private readonly ulong _memory = OwnMemory.Map(10);
    private TestEngine _engine = new(generation: Generation.Isgx);

    public void Dispose()
    {
        OwnMemory.Unmap(_memory, 10);
        _engine.Dispose();
    }

    private AddressSpace Space => _engine.Thread.Space;

    [Fact]
    public void A_mapping_is_a_file_of_its_own_aligned_to_its_length()
    {
        ulong device = Open();
        ulong one = (ulong)Map(device, 0, Length), other = (ulong)Map(device, 0, Length);

        Assert.Equal((0UL, 0UL), (one % Length, other % Length));
        Assert.NotSame(Space.Mappings.Find(one)!.File, Space.Mappings.Find(other)!.File);
        const ulong dontFork = 10;
        Assert.Contains(_engine.Held(_engine.Thread).Calls,
            call => call.Number == SystemCall.Madvise && call.Arguments[0] == one && call.Arguments[2] == dontFork);
        Assert.Equal(0, _engine.Call(_engine.Thread, SystemCall.Close, device));
        Assert.Equal(0, _engine.Call(_engine.Thread, SystemCall.Munmap, one, Length));
        Assert.Null(Space.Mappings.Find(one));
        Assert.NotNull(Space.Mappings.Find(other));
    }

    [Theory]
    [InlineData(4096, MemoryProtection.Shared, 0)]
    [InlineData(3 * 4096, MemoryProtection.Shared, 0)]
    [InlineData(1 << 20, MemoryProtection.Private, 0)]
    [InlineData(1 << 20, MemoryProtection.Shared | MemoryProtection.Fixed, 0x10000800)]
    public void What_no_enclave_could_have_is_refused(long length, int flags, long address)
    {
        ulong device = Open();

        Assert.Equal(Einval, Map(device, (ulong)address, (ulong)length, flags));
        Assert.Empty(Space.Mappings.All);
        Assert.Equal(0, _engine.Call(_engine.Thread, SystemCall.Close, device));
    }

    [Fact]
    public void What_was_reserved_for_one_that_cannot_be_is_given_back()
    {
        ulong device = Open();
        List<Engine.Platforms.RemoteCall> calls = _engine.Held(_engine.Thread).Calls;
        calls.Clear();
        _engine.Held(_engine.Thread).OnCall = call => call.Number == SystemCall.MemfdCreate ? -(long)Errno.EMFILE : null;

        Assert.Equal(-(long)Errno.EMFILE, Map(device, 0, Length));
        ulong reserved = calls.Where(call => call.Number == SystemCall.Munmap).Aggregate(0UL, (sum, call) => sum + call.Arguments[1]);
        Assert.Equal(2 * Length, reserved);
        _engine.Held(_engine.Thread).OnCall = null;
        Assert.Equal(0, _engine.Call(_engine.Thread, SystemCall.Close, device));
    }

    [Fact]
    public void Keys_have_numbers_of_their_own_and_say_what_is_wrong_with_them()
    {
        _engine.Dispose();
        _engine = new TestEngine(generation: Generation.EdmmV2);
        string line = $"mrenclave {new string('1', 64)}\n";
        long first = Key("enclave_execdirty", line), second = Key("enclave_execdirty", line);

        Assert.True(first > 0 && second > first);
        Assert.Equal(Einval, Key("enclave_execdirty", "everybody\n"));
        Assert.Equal(Einval, Key("enclave_execdirty", new string('#', 32768)));
        Assert.True(Key("enclave_execdirty", new string('#', 32767)) > second);
        Assert.Equal(-(long)Errno.EFAULT, Key("enclave_execdirty", "", payload: 8, length: 100));
        _engine.Thread.Registers.Rdi = Put(_memory, "user");
        Assert.Equal(Engine.Programs.Answer.Pass, new ExecuteDirtyKeys(_engine.Tracer.Driver).Add(_engine.Thread));
    }

    private long Key(string type, string text, ulong? payload = null, ulong? length = null)
    {
        ulong at = Put(_memory + 4096, text);
        return _engine.Call(_engine.Thread, SystemCall.AddKey, Put(_memory, type), 0, payload ?? at, length ?? (ulong)text.Length,
            ulong.MaxValue);
    }

    private ulong Put(ulong at, string text)
    {
        Assert.True(Space.Memory.TryWrite(at, Encoding.ASCII.GetBytes(text + "\0")));
        return at;
    }

    private ulong Open()
    {
        long descriptor = _engine.Open("/dev/isgx");
        Assert.True(descriptor >= 0);
        return (ulong)descriptor;
    }

    private long Map(ulong device, ulong address, ulong length, int flags = MemoryProtection.Shared) =>
        _engine.Call(_engine.Thread, SystemCall.Mmap, address, length, MemoryProtection.None, (ulong)flags, device, 0);
}
