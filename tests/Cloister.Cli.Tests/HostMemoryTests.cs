namespace Cloister.Cli.Tests;

public class HostMemoryTests
{
    [Fact]
    public void There_is_memory_and_no_more_is_free_than_there_is()
    {
        HostMemory memory = HostMemory.Read();
        Assert.InRange(memory.Available, 1, memory.Total);
        Assert.InRange(memory.Physical, 1, memory.Total);
    }

    [Theory]
    [InlineData(24L << 30, 24L << 30, 12L << 30)]
    [InlineData(1L << 30, 1L << 30, 512L << 20)]
    [InlineData(200L << 20, 200L << 20, 128L << 20)]
    [InlineData(64L << 20, 64L << 20, 64L << 20)]
    [InlineData(2L << 40, 3L << 40, 64L << 30)]
    [InlineData((3L << 20) + 5, (3L << 20) + 5, 3L << 20)]
    public void The_EPC_is_half_of_the_memory(long physical, long total, long epc) =>
        Assert.Equal(epc, new HostMemory(total, 1, false, physical, long.MaxValue).DefaultEpc);

    [Theory]
    [InlineData(1L << 30, 512L << 20)]
    [InlineData(64L << 20, 128L << 20)]
    [InlineData(-1, 128L << 20)]
    public void The_EPC_is_half_of_the_address_space_when_that_is_less(long space, long epc) =>
        Assert.Equal(epc, new HostMemory(64L << 30, 1, false, 64L << 30, space).DefaultEpc);
}
