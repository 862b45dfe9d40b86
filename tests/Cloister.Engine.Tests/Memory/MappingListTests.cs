using Cloister.Engine.Memory;
using Cloister.Engine.Tests.Harness;
using FsCheck;
using FsCheck.Fluent;

namespace Cloister.Engine.Tests.Memory;

public sealed class MappingListTests : IDisposable
{
    private const int Pages = 24;
    private readonly EnclaveFiles _files = new();
    private readonly EnclaveFile _one, _other;

    public MappingListTests() => (_one, _other) = (_files.Open(), _files.Open());

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Follows_a_model_of_single_pages()
    {
        // An operation: add (kind 0 to 3) or remove (4) pages [from, from + count).
        Gen<(int Kind, int From, int Count)> operation =
            from kind in Gen.Choose(0, 4)
            from start in Gen.Choose(0, Pages - 1)
            from count in Gen.Choose(1, 8)
            select (kind, start, Math.Min(count, Pages - start));
        Prop.ForAll(operation.ListOf().ToArbitrary(), Follows).Check(Config.QuickThrowOnFailure.WithMaxTest(200));
    }

    [Fact]
    public void Equal_neighbours_join()
    {
        var list = new MappingList();
        list.Add(new EnclaveMapping(0x1000, 0x2000, 3, _one));
        list.Add(new EnclaveMapping(0x3000, 0x4000, 3, _one));
        list.Add(new EnclaveMapping(0x2000, 0x3000, 3, _one));
        Assert.Equal([new EnclaveMapping(0x1000, 0x4000, 3, _one)], list.All);
        list.Add(new EnclaveMapping(0x4000, 0x5000, 1, _one));
        list.Add(new EnclaveMapping(0x5000, 0x6000, 1, _other));
        list.Add(new EnclaveMapping(0x6000, 0x7000, 1, _other, 0x1000));
        Assert.Equal(4, list.All.Count);
    }

    [Fact]
    public void A_range_is_cut_into_what_is_the_devices_and_what_is_not()
    {
        var list = new MappingList();
        list.Add(new EnclaveMapping(0x2000, 0x4000, 3, _one));
        list.Add(new EnclaveMapping(0x4000, 0x5000, 1, _one));
        Assert.Equal([(0x1000UL, 0x2000UL, null), (0x2000, 0x4000, list.All[0]), (0x4000, 0x5000, list.All[1]), (0x5000, 0x7000, null)],
            list.Pieces(0x1000, 0x7000));
        Assert.Equal([(0x3000UL, 0x4000UL, list.All[0] with { Start = 0x3000 })], list.Pieces(0x3000, 0x4000));
        Assert.Equal([(0x8000UL, 0x9000UL, null)], list.Pieces(0x8000, 0x9000));
    }

    [Fact]
    public void Removal_tells_who_lost_something()
    {
        var list = new MappingList();
        list.Add(new EnclaveMapping(0x1000, 0x3000, 3, _one));
        list.Add(new EnclaveMapping(0x4000, 0x5000, 3, _other));
        Assert.Empty(list.Remove(0x3000, 0x4000));
        Assert.Equal([_one], list.Remove(0x2000, 0x4000));
        Assert.Equal([_one, _other], list.Remove(0, 0x10000).OrderBy(file => file == _other));
        Assert.Empty(list.All);
    }

    [Fact]
    public void A_mapping_knows_its_offsets()
    {
        // A virtual EPC begins at 0 of its file wherever it is mapped.
        var mapping = new EnclaveMapping(0x5000, 0x8000, 3, _one, unchecked(0UL - 0x5000 + 0x2000));
        Assert.Equal(0x2000ul, mapping.OffsetOf(0x5000));
        Assert.Equal(0x6000ul, mapping.AddressOf(0x3000));
        Assert.Null(mapping.AddressOf(0x1000));
        Assert.Null(mapping.AddressOf(0x5000));
        Assert.Equal((false, true, true, false),
            (mapping.Contains(0x4fff), mapping.Contains(0x5000), mapping.Contains(0x7fff), mapping.Contains(0x8000)));
        Assert.Equal((true, true, false), (mapping.Allows(1), mapping.Allows(3), mapping.Allows(5)));
    }

    private bool Follows(IReadOnlyList<(int Kind, int From, int Count)> operations)
    {
        var list = new MappingList();
        var model = new (int Protection, EnclaveFile File, ulong Delta)?[Pages];
        foreach ((int kind, int from, int count) in operations)
        {
            (ulong start, ulong end) = ((ulong)from << 12, (ulong)(from + count) << 12);
            if (kind == 4)
            {
                var lost = model[from..(from + count)].Where(page => page is not null).Select(page => page!.Value.File).ToHashSet();
                Array.Clear(model, from, count);
                Assert.Equal(lost, list.Remove(start, end));
            }
            else
            {
                (int Protection, EnclaveFile File, ulong Delta) what = kind switch
                {
                    0 => (3, _one, 0),
                    1 => (1, _one, 0),
                    2 => (3, _other, 0),
                    _ => (3, _one, 0x1000),
                };
                Array.Fill(model, what, from, count);
                list.Add(new EnclaveMapping(start, end, what.Protection, what.File, what.Delta));
            }

            Compare(list, model);
        }

        foreach ((int _, int from, int count) in operations.Take(5))
        {
            Within(list, model, from, count);
        }

        return true;
    }

    private static void Compare(MappingList list, (int Protection, EnclaveFile File, ulong Delta)?[] model)
    {
        for (int page = 0; page < Pages; page++)
        {
            EnclaveMapping? first = list.Find((ulong)page << 12), last = list.Find(((ulong)page << 12) + 4095);
            (int, EnclaveFile, ulong)? found = first is null ? null : (first.Protection, first.File, first.Delta);
            if (first != last || model[page] != found)
            {
                Assert.Fail($"page {page}: {first}, {last}");
            }
        }

        // In order, apart, and nothing that could be one stands as two.
        for (int i = 1; i < list.All.Count; i++)
        {
            EnclaveMapping left = list.All[i - 1], right = list.All[i];
            Assert.True(left.Start < left.End && left.End <= right.Start);
            Assert.False(left.End == right.Start
                && (left.Protection, left.File, left.Delta) == (right.Protection, right.File, right.Delta));
        }
    }

    private static void Within(MappingList list, (int Protection, EnclaveFile File, ulong Delta)?[] model, int from, int count)
    {
        var seen = new (int Protection, EnclaveFile File, ulong Delta)?[Pages];
        foreach (EnclaveMapping part in list.Within((ulong)from << 12, (ulong)(from + count) << 12))
        {
            Array.Fill(seen, (part.Protection, part.File, part.Delta), (int)(part.Start >> 12), (int)((part.End - part.Start) >> 12));
        }

        for (int page = 0; page < Pages; page++)
        {
            Assert.Equal(page >= from && page < from + count ? model[page] : null, seen[page]);
        }
    }
}
