using Cloister.Architecture;
using Cloister.Cli.Running;
using Cloister.Processor;

namespace Cloister.Cli.Tests.Running;

public class RefusalReportTests
{
    private readonly List<string> _lines = [];
    private readonly SgxMachine _machine = new(new MachineOptions { RootKey = new byte[32] }, new ArrayEpcMemory(8));

    [Fact]
    public void A_refused_SECS_is_told_in_two_lines()
    {
        Report(EnclsLeaf.Ecreate, [], "SIZE", "a power of two from 2000 to 800000000", "3000");
        Assert.Equal(["ECREATE refused the SECS: SIZE is not legal on this machine",
            "  expected a power of two from 2000 to 800000000, found 3000"], _lines);
    }

    [Fact]
    public void A_SIGSTRUCT_that_was_never_filled_in_is_told_by_its_first_field()
    {
        Report(EnclsLeaf.Einit, new byte[Sigstruct.SizeInBytes], "SIGSTRUCT Header", "valid", "not valid");
        Assert.Equal(["EINIT refused the SIGSTRUCT, for its check of header fails",
            "  HEADER, SIGSTRUCT offset 0: expected 06000000e10000000000010000000000, found 00000000000000000000000000000000"], _lines);
    }

    [Fact]
    public void A_refused_TCS_is_told_by_its_page_and_byte()
    {
        Report(EnclsLeaf.Eadd, [], "page 0x6000 (TCS), FLAGS, byte 0x8", "bits within 3", "4");
        Assert.Equal(["EADD refused a page, for it is no legal TCS",
            "  page 0x6000 (TCS), FLAGS, byte 0x8: expected bits within 3, found 4"], _lines);
    }

    [Fact]
    public void Another_observer_hears_it_too()
    {
        var next = new Listener();
        new RefusalReport(_machine, next, _lines.Add).EnclaveRefused(EnclsLeaf.Ecreate, default, default, "SIZE", "1", "2");
        Assert.Equal("SIZE", next.Field);
    }

    private void Report(EnclsLeaf leaf, byte[] sigstruct, string field, string expected, string found) =>
        new RefusalReport(_machine, new Listener(), _lines.Add).EnclaveRefused(leaf, default, sigstruct, field, expected, found);

    private sealed class Listener : IMachineObserver
    {
        public string? Field { get; private set; }

        public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected,
            string found) => Field = field;
    }
}
