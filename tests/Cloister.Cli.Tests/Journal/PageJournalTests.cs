using Cloister.Architecture;
using Cloister.Cli.Journal;
using Cloister.Processor;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Cli.Tests.Journal;

/// <summary>What the processor did to the pages of enclaves, in lines.</summary>
public class PageJournalTests
{
    private readonly World _world = new();
    private readonly PageJournal _journal;

    public PageJournalTests()
    {
        _journal = new PageJournal(_world.Machine, _world.Machine.Observer);
        _world.Machine.Observer = _journal;
    }

    [Fact]
    public void A_page_has_what_happened_to_it()
    {
        var enclave = TestEnclave.Built(_world);
        LinearAddress added = enclave.Base + TestEnclave.FreeOffset;
        _ = enclave.Augment(TestEnclave.FreeOffset);
        enclave.Enter();
        LinearAddress secinfo = enclave.Place(new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending));
        Expect.Success(_world.Enclu(EncluLeaf.Eaccept, secinfo.Value, added.Value));
        Assert.Equal(SgxError.PageAttributesMismatch, _world.Enclu(EncluLeaf.Eaccept, secinfo.Value, added.Value).Error);
        enclave.Exit();

        string[] lines = [.. JournalText.Lines(_journal)];
        Assert.Contains(lines, line => Words(line) == "0x8000 1 REG rw- pending → rw- EAUG → EACCEPT → EACCEPT (SGX_PAGE_ATTRIBUTES_MISMATCH)");
        Assert.Contains(lines, line => line.EndsWith("; meanwhile EENTER, EEXIT", StringComparison.Ordinal)
            && Words(line).StartsWith("0x3000 1 TCS", StringComparison.Ordinal));
        Assert.Contains(lines, line => Words(line).StartsWith("SECS 1 SECS --- ECREATE → EINIT", StringComparison.Ordinal));
        Assert.Contains("EACCEPT 1 and 1 refused", lines.Single(line => line.StartsWith("leaves", StringComparison.Ordinal)));
        Assert.DoesNotContain(lines, line => line.StartsWith("without a stop", StringComparison.Ordinal));
    }

    [Fact]
    public void A_loss_of_power_ends_all_that_is_there()
    {
        var enclave = TestEnclave.Built(_world);
        Expect.Success(Eremove.Execute(_world.Machine, enclave.MoreData));
        _world.Machine.LosePower();
        _journal.PowerLost();
        string[] lines = [.. JournalText.Lines(_journal)];
        Assert.Contains(lines, line => Words(line).StartsWith("0x1000 1", StringComparison.Ordinal)
            && line.EndsWith(" → power loss", StringComparison.Ordinal));
        Assert.Contains(lines, line => Words(line).StartsWith("0x2000 1", StringComparison.Ordinal)
            && line.EndsWith(" → EREMOVE", StringComparison.Ordinal));
    }

    [Fact]
    public void Many_pages_that_all_differ_are_no_more_lines_than_fit()
    {
        var history = new EnclaveHistory(1, new PageLives()) { Size = 1 << 30 };
        for (ulong page = 0; page < 3000; page++)
        {
            history.Add(new LinearAddress(page << 12), page % 2 == 0 ? "EADD" : "EAUG", null);
        }

        string[] lines = [.. JournalText.Table(history)];
        Assert.Equal(JournalText.MostRows + 2, lines.Length);
        Assert.Equal("  and 2001 more lines, of 2001 pages", lines[^1]);
        Assert.Equal(3000, history.Grouped().Count());
    }

    [Fact]
    public void Without_an_enclave_that_is_all_that_is_said() =>
        Assert.Equal(["journal: no enclave"], JournalText.Lines(new PageJournal(_world.Machine, IMachineObserver.Silent)));

    private static string Words(string line) => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
