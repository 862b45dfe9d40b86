namespace Cloister.Cli.Tests;

public class HostMemoryTests
{
    [Fact]
    public void There_is_memory_and_no_more_is_free_than_there_is()
    {
        HostMemory memory = HostMemory.Read();
        Assert.InRange(memory.Available, 1, memory.Total);
    }
}
