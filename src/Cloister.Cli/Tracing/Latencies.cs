using System.Numerics;

namespace Cloister.Cli.Tracing;

/// <summary>How long things took, kept to an eighth of each, in constant memory.</summary>
internal sealed class Latencies
{
    private const int PartBits = 3, Parts = 1 << PartBits;
    private readonly long[] _buckets = new long[(64 - PartBits + 1) * Parts];

    /// <summary>How many.</summary>
    public long Count { get; private set; }

    /// <summary>All together, in nanoseconds.</summary>
    public long Total { get; private set; }

    /// <summary>The longest, in nanoseconds.</summary>
    public long Maximum { get; private set; }

    /// <summary>One more.</summary>
    /// <param name="nanoseconds">Not negative.</param>
    public void Add(long nanoseconds)
    {
        Count++;
        Total += nanoseconds;
        Maximum = Math.Max(Maximum, nanoseconds);
        _buckets[BucketOf((ulong)nanoseconds)]++;
    }

    /// <summary>How many were below 2 to the power of some bits: exactly.</summary>
    public long CountBelow(int bits)
    {
        long count = 0;
        for (int i = 0; i < BucketOf(1UL << bits); i++)
        {
            count += _buckets[i];
        }

        return count;
    }

    /// <summary>What a part of them did not exceed, in nanoseconds: the middle of an eighth. 0 when there is none.</summary>
    /// <param name="part">Between 0 and 1.</param>
    public long Percentile(double part)
    {
        long rank = (long)Math.Ceiling(Count * part), seen = 0;
        for (int i = 0; i < _buckets.Length; i++)
        {
            seen += _buckets[i];
            if (Count > 0 && seen >= Math.Max(rank, 1))
            {
                return (long)(LowestOf(i) + ((LowestOf(i + 1) - LowestOf(i)) / 2));
            }
        }

        return 0;
    }

    private static int BucketOf(ulong value)
    {
        if (value < Parts)
        {
            return (int)value;
        }

        int shift = BitOperations.Log2(value) - PartBits;
        return (shift + 1) * Parts + (int)(value >> shift) - Parts;
    }

    private static ulong LowestOf(int bucket) => bucket < Parts ? (ulong)bucket : (ulong)(bucket % Parts + Parts) << (bucket / Parts - 1);
}
