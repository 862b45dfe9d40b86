using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Programs;

public sealed class PersonalityTests : IDisposable
{
    private const long ReadImpliesExecute = 0x0400000, AddressNoRandomize = 0x0040000;
    private readonly OwnThread _own = new();

    public void Dispose() => _own.Dispose();

    [Fact]
    public void Of_one_whose_file_can_be_read_nothing_is_asked()
    {
        bool expected = (Convert.ToInt64(File.ReadAllText("/proc/self/personality").Trim(), 16) & ReadImpliesExecute) != 0;

        Assert.Equal(expected, Personality.ReadImpliesExecute(_own.Thread));
        Assert.Empty(((TestThread)_own.Thread.Held).Calls);
    }

    [Theory]
    [InlineData(ReadImpliesExecute | AddressNoRandomize, true)]
    [InlineData(AddressNoRandomize, false)]
    public void Another_says_so_itself(long personality, bool reads)
    {
        // A number that no process has.
        var thread = new TestThread(1 << 23, _own.Thread.Process)
        {
            OnCall = call => call.Number == SystemCall.Personality ? personality : null,
        };

        Assert.Equal(reads, Personality.ReadImpliesExecute(thread));
        RemoteCall asked = Assert.Single(thread.Calls);
        Assert.Equal([0xffffffffUL], asked.Arguments);
    }
}
