using Cloister.Architecture;

namespace Cloister.Processor.Tests;

public class HashThreadTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(257)]
    [InlineData(900)]
    public void It_comes_to_the_same_hash_as_in_place(int pages)
    {
        using var inPlace = new Measurement();
        using var beside = new Measurement(new HashThread(), HashThread.Capacity);
        byte[] expected = new byte[32], found = new byte[32];
        var secinfo = new Secinfo(PageType.Reg, SecinfoFlags.R);
        byte[] page = new byte[4096];
        foreach (Measurement measurement in (Measurement[])[inPlace, beside])
        {
            var random = new Random(pages);
            measurement.Ecreate(1 << 24, 1);
            for (int i = 0; i < pages; i++)
            {
                random.NextBytes(page);
                measurement.Eadd((ulong)i * 4096, secinfo);
                measurement.Eextend((ulong)i * 4096, page);
            }
        }

        inPlace.Digest(expected);
        beside.Digest(found);
        Assert.Equal(expected, found);

        // It goes on from there.
        inPlace.Eadd(0, secinfo);
        beside.Eadd(0, secinfo);
        inPlace.Digest(expected);
        beside.Digest(found);
        Assert.Equal(expected, found);
    }
}
