using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Fast;

public sealed class MappedTablesTests : IDisposable
{
    private const ulong Place = 0x1234_0000, Size = 0x100_0000;
    private readonly OwnThread _own = new();
    private readonly EnclaveFiles _files = new();
    private readonly AwaitedTables _all = new();
    private readonly MappedTables _tables;
    private readonly AwaitedPages _table;

    public MappedTablesTests()
    {
        _tables = new MappedTables(_all);
        using MappedFile file = MappedFile.Create("awaited", 0x10000);
        _table = new AwaitedPages(new SparseFile(HostKernel.OpenAgain(file.Descriptor)), Place, 0, Size);

        // No new one can be had.
        ((TestThread)_own.Thread.Held).OnCall = _ => -(long)Errno.EMFILE;
    }

    public void Dispose()
    {
        _tables.Dispose();
        _files.Dispose();
        _own.Dispose();
    }

    [Fact]
    public void An_enclaves_table_is_everybodys_while_it_is_there()
    {
        EnclaveFile file = _files.Open();
        Assert.Equal(0UL, _tables.AddressOf(file.Base));
        _tables.Add(file, _table);
        Assert.Equal(Place, _tables.AddressOf(file.Base));
        Assert.Same(_table, _all.Of(file));
        Assert.Equal(0UL, _tables.AddressOf(file.Base + 4096));
        _tables.Forget(_files.Open());
        Assert.Same(_table, _all.Of(file));
        _tables.Forget(file);

        Assert.Null(_all.Of(file));
        Assert.Equal(0UL, _tables.AddressOf(file.Base));
    }

    [Fact]
    public void One_that_is_not_used_any_more_serves_the_next_that_fits()
    {
        EnclaveFile file = _files.Open();
        _tables.Add(file, _table);
        _table[0x1000] = 0x20b;
        Assert.Null(_tables.Take(_own.Thread, 0, Size));
        _tables.Forget(file);
        Assert.Null(_tables.Take(_own.Thread, 0, 16 * Size));

        Assert.Same(_table, _tables.Take(_own.Thread, 0x7000_0000_0000, Size));
        Assert.Equal(0, _table[0x1000]);
        Assert.Null(_tables.Take(_own.Thread, 0, Size));
        _table.Dispose();
    }
}
