using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Manual;

/// <summary>The manual page before the programs that read it; what is not installed is not asked.</summary>
public sealed class ManualPageTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Readers_of_manual_pages_have_nothing_to_say()
    {
        string page = Path.Combine(_directory.Path, "cloister.1");
        Assert.Equal("", EnclaveFiles.Run(0, "manual", "-o", page));
        Assert.Equal("", Shell.Run($"! command -v mandoc >/dev/null || mandoc -Tlint -Wstyle {page} 2>&1"));
        Assert.Equal("", Shell.Run($"! command -v groff >/dev/null || groff -man -ww -z {page} 2>&1"));
        string shown =
            Shell.Run($"if command -v mandoc >/dev/null; then mandoc -Tascii {page} | col -b; elif command -v man >/dev/null; then man -l {page} | col -b; else cat {page}; fi").Replace("\\-", "-", StringComparison.Ordinal);
        Assert.All(["cloister run", "--max-enclave-size SIZE", "--stats[=text|json|no]", "CLOISTER_OPTIONS",
            "cloister lab edmm --pages 4096 --svg edmm.svg"], words => Assert.Contains(words, shown, StringComparison.Ordinal));
    }

    [Fact]
    public void Its_date_can_be_told()
    {
        string page = CloisterProcess.Run(["manual"], adjust: start => start.Environment["SOURCE_DATE_EPOCH"] = "86400").Output;
        Assert.Contains("\n.TH CLOISTER 1 1970-01-02 \"Cloister ", page, StringComparison.Ordinal);
    }
}
