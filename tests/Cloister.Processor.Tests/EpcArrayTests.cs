namespace Cloister.Processor.Tests;

public sealed class EpcArrayTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2047)]
    [InlineData(2048)]
    [InlineData(5000)]
    public void Each_page_has_its_value_and_there_is_none_behind_the_last(int length)
    {
        var array = new EpcArray<int>(length);
        for (int page = 0; page < length; page++)
        {
            Assert.Equal(0, array[page]);
            array[page] = page + 1;
        }

        Assert.All(Enumerable.Range(0, length), page => Assert.Equal(page + 1, array[page]));
        Assert.Throws<ArgumentOutOfRangeException>(() => array[length]);
        Assert.Throws<ArgumentOutOfRangeException>(() => array[-1]);
        array.Clear();
        Assert.All(Enumerable.Range(0, length), page => Assert.Equal(0, array[page]));
    }

    [Fact]
    public void A_reference_stays_good()
    {
        var array = new EpcArray<long>(10_000);
        ref long value = ref array[1];
        array[9_999] = 1;
        array.Clear();
        value = 7;
        Assert.Equal(7, array[1]);
    }

    [Fact]
    public void A_large_EPC_takes_no_memory_before_it_is_used()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var array = new EpcArray<EpcmEntry>(16 << 20);
        array[0].Valid = true;
        array[(16 << 20) - 1].Valid = true;
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }
}
