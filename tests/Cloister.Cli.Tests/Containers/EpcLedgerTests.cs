using Cloister.Cli.Containers;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Containers;

public sealed class EpcLedgerTests : IDisposable
{
    private const long Mebi = 1 << 20;
    private readonly TemporaryDirectory _directory = new();

    private EpcLedger Ledger => new(Path.Combine(_directory.Path, "books"));

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Nobody_counts_where_no_device_plugin_does()
    {
        Ledger.Hold(Pod("a"), 1L << 60);
        Assert.False(Directory.Exists(Path.Combine(_directory.Path, "books")));
        OwnFile total = Ledger.Announce(Mebi);
        total.Delete();
        Ledger.Hold(Pod("a"), 1L << 60);
    }

    [Fact]
    public void What_is_more_than_is_left_is_refused()
    {
        _ = Ledger.Announce(128 * Mebi);
        Assert.Equal("sgx.intel.com/epc: the pod asks for 129M of EPC; this node has 128M", Refused("a", 129 * Mebi));
        Ledger.Hold(Pod("a"), 64 * Mebi);
        Ledger.Hold(Pod("a"), 64 * Mebi); // another container of the same pod
        Ledger.Hold(Pod("b"), 64 * Mebi);
        Assert.Equal("sgx.intel.com/epc: the pod asks for 1M of EPC; this node has 128M, and other pods have 128M of it",
            Refused("c", Mebi));
    }

    [Fact]
    public void What_a_pod_held_is_free_when_it_is_gone()
    {
        _ = Ledger.Announce(128 * Mebi);
        string pod = Pod("a");
        Ledger.Hold(pod, 100 * Mebi);
        Ledger.Release(pod);
        _ = Refused("b", 100 * Mebi); // it is still there
        Directory.Delete(pod);
        Ledger.Hold(Pod("b"), 100 * Mebi);
        Ledger.Release("/nobody");
    }

    [Fact]
    public void One_that_is_about_to_be_made_holds_already()
    {
        _ = Ledger.Announce(128 * Mebi);
        string pod = Path.Combine(_directory.Path, "young");
        Ledger.Hold(pod, 100 * Mebi);
        _ = Refused("b", 100 * Mebi);
        Ledger.Release(pod);
        Ledger.Hold(Pod("b"), 100 * Mebi);
    }

    [Fact]
    public void What_is_held_stays_when_nobody_counts_any_more_and_goes_with_its_pod()
    {
        OwnFile total = Ledger.Announce(128 * Mebi);
        string pod = Pod("a");
        Ledger.Hold(pod, Mebi);
        Ledger.Release(pod);
        total.Delete();
        Ledger.Clear();
        Assert.True(Directory.Exists(Path.Combine(_directory.Path, "books")));
        Directory.Delete(pod);
        Ledger.Clear();
        Assert.False(Directory.Exists(Path.Combine(_directory.Path, "books")));
        Ledger.Clear();
    }

    [Fact]
    public void Damaged_books_hold_nothing()
    {
        _ = Ledger.Announce(128 * Mebi);
        string entry = Path.Combine(_directory.Path, "books", "pod-x");
        foreach (string text in (string[])["", "x\n/", "-1\n/", "99999999999999999999\n/", "1"])
        {
            File.WriteAllText(entry, text);
            Ledger.Hold(Pod("a"), 128 * Mebi);
            Assert.False(File.Exists(entry));
        }

        File.WriteAllText(Path.Combine(_directory.Path, "books", "total"), "much");
        Ledger.Hold(Pod("b"), 1L << 60);
    }

    [Fact]
    public async Task Many_at_once_get_together_what_there_is()
    {
        _ = Ledger.Announce(10 * Mebi);
        string[] pods = [.. Enumerable.Range(0, 40).Select(i => Pod($"pod{i}"))];
        bool[] had = await Task.WhenAll(pods.Select(pod => Task.Run(() =>
        {
            try
            {
                Ledger.Hold(pod, Mebi);
                return true;
            }
            catch (ContainerException)
            {
                return false;
            }
        })));
        Assert.Equal(10, had.Count(one => one));
    }

    private string Refused(string pod, long bytes) => Assert.Throws<ContainerException>(() => Ledger.Hold(Pod(pod), bytes)).Message;

    private string Pod(string name) => Directory.CreateDirectory(Path.Combine(_directory.Path, "run", name)).FullName;
}
