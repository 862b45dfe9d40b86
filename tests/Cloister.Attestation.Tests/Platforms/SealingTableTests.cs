using System.Text;
using Cloister.Architecture;
using Cloister.Attestation.Platforms;
using Cloister.Processor.Enclu;

namespace Cloister.Attestation.Tests.Platforms;

/// <summary>
/// Which seal key an enclave gets after what has changed, under each policy: the table of docs/explanation/sealing.md, which this test
/// makes (CLOISTER_REGENERATE=1). SDM 3D, EGETKEY, TMP_KEYDEPENDENCIES of SEAL_KEY; that a software enclave's keys are those of the leaf is
/// tested beside it.
/// </summary>
public class SealingTableTests
{
    private const string Begin = "<!-- sealing: made by SealingTableTests -->\n", End = "<!-- end of sealing -->\n";
    private const string Older = "01010000000000000000000000000000", Newer = "02020000000000000000000000000000";
    private static readonly byte[] s_root = Enumerable.Range(0, 32).Select(i => (byte)i).ToArray();

    private static readonly (string Name, Keypolicy Policy)[] s_policies =
    [
        ("MRENCLAVE", Keypolicy.Mrenclave),
        ("MRSIGNER", Keypolicy.Mrsigner),
        ("MRSIGNER, NOISVPRODID", Keypolicy.Mrsigner | Keypolicy.NoIsvprodid),
        ("MRSIGNER, CONFIGID", Keypolicy.Mrsigner | Keypolicy.Configid),
        ("MRSIGNER, ISVFAMILYID", Keypolicy.Mrsigner | Keypolicy.Isvfamilyid),
        ("MRSIGNER, ISVEXTPRODID", Keypolicy.Mrsigner | Keypolicy.Isvextprodid),
    ];

    // What opens, in the order of the policies: = the same key, x another one, ! refused.
    private static readonly (string What, string Outcome, Func<Platform, Platform> Machine, Func<ReportBody, ReportBody> Enclave)[] s_rows =
    [
        ("nothing: the next run", "======", same => same, same => same),
        ("the platform was exported and imported, or copied", "======",
            platform => PlatformText.ReadPlatform(PlatformText.Write(platform)), same => same),
        ("another platform", "xxxxxx", platform => platform with { RootKey = new byte[32] }, same => same),
        ("another owner (`platform new-owner`)", "xxxxxx",
            platform => platform with { Settings = platform.Settings with { OwnerEpoch = "000102030405060708090a0b0c0d0e0f" } },
            same => same),
        ("newer microcode (CPUSVN up)", "======",
            platform => platform with { Settings = platform.Settings.At("03030000000000000000000000000000", 16) }, same => same),
        ("older microcode again (CPUSVN down)", "!!!!!!",
            platform => platform with { Settings = platform.Settings.At(Older, 16) }, same => same),
        ("another PCESVN", "======",
            platform => platform with { Settings = platform.Settings.At(platform.Settings.Cpusvn, 99) }, same => same),
        ("another build of the enclave (MRENCLAVE)", "x=====", same => same,
            body => Changed(body, (ref ReportBody b) => b.Mrenclave[0] ^= 1)),
        ("another signer (MRSIGNER)", "=xxxxx", same => same, body => Changed(body, (ref ReportBody b) => b.Mrsigner[0] ^= 1)),
        ("a newer version (ISVSVN up)", "======", same => same, body => Changed(body, (ref ReportBody b) => b.Isvsvn++)),
        ("an older version (ISVSVN down)", "!!!!!!", same => same, body => Changed(body, (ref ReportBody b) => b.Isvsvn--)),
        ("another product (ISVPRODID)", "xx=xxx", same => same, body => Changed(body, (ref ReportBody b) => b.Isvprodid++)),
        ("another CONFIGID", "===x==", same => same, body => Changed(body, (ref ReportBody b) => b.Configid[0] ^= 1)),
        ("a newer CONFIGSVN", "======", same => same, body => Changed(body, (ref ReportBody b) => b.Configsvn++)),
        ("an older CONFIGSVN", "!!!!!!", same => same, body => Changed(body, (ref ReportBody b) => b.Configsvn--)),
        ("another ISVFAMILYID", "====x=", same => same, body => Changed(body, (ref ReportBody b) => b.Isvfamilyid[0] ^= 1)),
        ("another ISVEXTPRODID", "=====x", same => same, body => Changed(body, (ref ReportBody b) => b.Isvextprodid[0] ^= 1)),
        ("a debug enclave (DEBUG always counts)", "xxxxxx", same => same,
            body => Changed(body,
                (ref ReportBody b) => b.Attributes = new Attributes(b.Attributes.Flags | AttributeFlags.Debug, b.Attributes.Xfrm))),
        ("another XFRM, which the mask leaves out", "======", same => same,
            body => Changed(body, (ref ReportBody b) => b.Attributes = new Attributes(b.Attributes.Flags, 7))),
    ];

    private delegate void Change(ref ReportBody body);

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, s_rows.Length)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void What_was_sealed_opens_or_not(int row) =>
        Assert.Equal(s_rows[row].Outcome, string.Concat(s_policies.Select(policy => Outcome(row, policy.Policy))));

    [Fact]
    public void The_page_shows_the_table()
    {
        string file = Path.Combine(Root(), "docs", "explanation", "sealing.md"), text = File.ReadAllText(file);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, end = text.IndexOf(End, StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable("CLOISTER_REGENERATE") == "1")
        {
            File.WriteAllText(file, text = text[..begin] + Table() + text[end..]);
            end = begin + Table().Length;
        }

        Assert.Equal(Table(), text[begin..end]);
    }

    private static string Table()
    {
        var text = new StringBuilder(
            $"| changed since | {string.Join(" | ", s_policies.Select(policy => policy.Name))} |\n|---|{string.Concat(s_policies.Select(_ => "---|"))}\n");
        for (int row = 0; row < s_rows.Length; row++)
        {
            text.Append(
                $"| {s_rows[row].What} | {string.Join(" | ", s_policies.Select(policy => Outcome(row, policy.Policy) switch { '=' => "opens", 'x' => "**another key**", _ => "**refused**" }))} |\n");
        }

        return text.ToString();
    }

    // As a library seals: with the versions of then, by the mask of INIT and DEBUG alone (and the attributes that Intel's SDK masks in).
    private static char Outcome(int row, Keypolicy policy)
    {
        var platform = new Platform(s_root, new PlatformSettings { Cpusvn = Newer });
        ReportBody enclave = new()
        {
            Attributes = new Attributes(AttributeFlags.Init | AttributeFlags.Mode64Bit | AttributeFlags.Kss, 3),
            Isvprodid = 4,
            Isvsvn = 5,
            Configsvn = 6,
        };
        (enclave.Mrenclave[0], enclave.Mrsigner[0], enclave.Configid[0], enclave.Isvfamilyid[0], enclave.Isvextprodid[0]) = (1, 2, 3, 4, 5);
        Keyrequest request = new()
        {
            Keyname = KeyName.Seal,
            Keypolicy = policy,
            Isvsvn = enclave.Isvsvn,
            Configsvn = enclave.Configsvn,
            Attributemask = new Attributes(AttributeFlags.Init | AttributeFlags.Debug | AttributeFlags.Kss, 0),
        };
        Convert.FromHexString(platform.Settings.Cpusvn).CopyTo(request.Cpusvn);
        byte[] sealing = new byte[16], opening = new byte[16];
        Assert.Equal(SgxError.Success, new SoftwareEnclave(platform.Machine, enclave).Key(request, sealing));
        SgxError error = new SoftwareEnclave(s_rows[row].Machine(platform).Machine, s_rows[row].Enclave(enclave)).Key(request, opening);
        Assert.True(error is SgxError.Success or SgxError.InvalidCpusvn or SgxError.InvalidIsvsvn);
        return error != SgxError.Success ? '!' : sealing.SequenceEqual(opening) ? '=' : 'x';
    }

    private static ReportBody Changed(ReportBody body, Change change)
    {
        change(ref body);
        return body;
    }

    private static string Root()
    {
        DirectoryInfo at = new(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "Cloister.slnx")))
        {
            at = at.Parent!;
        }

        return at.FullName;
    }
}
