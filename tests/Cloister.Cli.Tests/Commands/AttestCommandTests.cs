using System.Diagnostics;
using System.Text.Json;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Quotes;
using Cloister.Cli.Tests.Harness;
using Cloister.Processor.Enclu;

namespace Cloister.Cli.Tests.Commands;

/// <summary><c>cloister attest</c>: the root, and quotes that are shown and verified.</summary>
public sealed class AttestCommandTests : IDisposable
{
    private static readonly byte[] s_key = RootKey.From("attest").ToArray();
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private CloisterProcess.Outcome Run(params string[] arguments) =>
        CloisterProcess.Run(arguments, "", start => start.Environment["XDG_STATE_HOME"] = _directory.Path);

    private string Done(params string[] arguments)
    {
        CloisterProcess.Outcome outcome = Run(arguments);
        Assert.Equal((0, ""), (outcome.Status, outcome.Error));
        return outcome.Output;
    }

    // The quote of an enclave on a machine whose root key is known.
    private string Quote(PlatformSettings? settings = null)
    {
        Done("attest", "root");
        var authority = DevelopmentAuthority.Read(File.ReadAllText(Path.Combine(_directory.Path, "cloister/authority/authority.pem")));
        var platform = new Platform(s_key, settings ?? new PlatformSettings());
        var service = new QuotingService(new CertifiedPlatform(platform, authority));
        string path = Path.Combine(_directory.Path, "quote");
        File.WriteAllBytes(path, service.Quote(new SoftwareEnclave(platform.Machine, default).Report(service.Targetinfo, [1, 2, 3]))!);
        return path;
    }

    private static (int Status, string Output) OpenSsl(params string[] arguments)
    {
        using Process openssl =
            Process.Start(new ProcessStartInfo("openssl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string output = openssl.StandardOutput.ReadToEnd() + openssl.StandardError.ReadToEnd();
        openssl.WaitForExit();
        return (openssl.ExitCode, output);
    }

    [Fact]
    public void The_root_stays_and_is_the_users_alone()
    {
        string pem = Done("attest", "root");
        Assert.Equal(pem, Done("attest", "root"));
        Assert.StartsWith("-----BEGIN CERTIFICATE-----", pem, StringComparison.Ordinal);
        Assert.StartsWith("-----BEGIN PUBLIC KEY-----", Done("attest", "root", "--key"), StringComparison.Ordinal);
        string file = Path.Combine(_directory.Path, "cloister/authority/authority.pem"), der = Path.Combine(_directory.Path, "root.der");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(Path.GetDirectoryName(Path.GetDirectoryName(file))!));
        Done("attest", "root", "--der", "-o", der);
        Assert.Equal(ParsedCertificate.Chain(pem)[0].Der.ToArray(), File.ReadAllBytes(der));
        File.WriteAllText(file, File.ReadAllText(file)[..1000]);
        CloisterProcess.Outcome damaged = Run("attest", "root");
        Assert.Equal((65, 1), (damaged.Status, damaged.Error.Count(c => c == '\n')));
    }

    [Fact]
    public void Roots_that_are_made_at_once_are_one()
    {
        string[] roots = new string[6];
        _ = Parallel.For(0, roots.Length, i => roots[i] = Done("attest", "root"));
        Assert.All(roots, root => Assert.Equal(roots[0], root));
    }

    [Fact]
    public void A_quote_is_shown_and_verified_and_each_verdict_has_its_exit_status()
    {
        string quote = Quote();
        Assert.Contains("Cloister development, not Intel", Done("attest", "show", quote), StringComparison.Ordinal);
        Assert.EndsWith("UpToDate\n", Done("attest", "verify", quote), StringComparison.Ordinal);
        CloisterProcess.Outcome old = Run("attest", "verify", quote, "--tcb", "OutOfDate", "--json");
        Assert.Equal((1, ""), (old.Status, old.Error));
        using (var json = JsonDocument.Parse(old.Output))
        {
            Assert.Equal(("OutOfDate", false),
                (json.RootElement.GetProperty("status").GetString(), json.RootElement.GetProperty("passed").GetBoolean()));
            Assert.All(json.RootElement.GetProperty("checks").EnumerateArray(),
                check => Assert.True(check.GetProperty("passed").GetBoolean()));
        }

        Done("attest", "verify", quote, "--tcb", "OutOfDate", "--accept", "OutOfDate");
        string[][] refused = [["--tcb", "Revoked"], ["--collateral", "expired"], ["--pck", "revoked"], ["--qe-tcb", "revoked"],
            ["--at", "2019-12-31"]];
        Assert.All(refused, words =>
        {
            CloisterProcess.Outcome outcome = Run(["attest", "verify", quote, .. words]);
            Assert.Equal((1, ""), (outcome.Status, outcome.Error));
            Assert.EndsWith("This quote is not to be trusted.\n", outcome.Output, StringComparison.Ordinal);
            Assert.Contains("meaning", outcome.Output, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void A_platform_that_is_behind_is_out_of_date_until_it_is_updated()
    {
        Done("platform", "create", "p", "--seed", "attest");
        Done("platform", "update", "p", "--cpusvn", "02020000000000000000000000000000", "--pending");
        Assert.Equal(1, Run("attest", "verify", Quote()).Status);
        Done("platform", "update", "p", "--power-cycle");
        Done("attest", "verify", Quote(new PlatformSettings { Cpusvn = "02020000000000000000000000000000" }));
    }

    [Fact]
    public void A_quote_is_judged_by_the_QE_of_its_platform_and_not_of_a_copy()
    {
        Done("platform", "create", "a", "--seed", "attest");
        var settings = new PlatformSettings { Qe = new ArchitecturalEnclave(new string('b', 64), 2, 3) };
        string file = Path.Combine(_directory.Path, "b.json");
        File.WriteAllBytes(file, PlatformText.Write(new Platform(s_key, settings)));
        Done("platform", "import", file, "b");
        Assert.EndsWith("UpToDate\n", Done("attest", "verify", Quote()), StringComparison.Ordinal);
        Assert.EndsWith("UpToDate\n", Done("attest", "verify", Quote(settings)), StringComparison.Ordinal);
        Done("platform", "delete", "b");
        Assert.Contains("FAILED  QE MRSIGNER", Run("attest", "verify", Quote(settings)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Collateral_and_root_are_enough_elsewhere_and_openssl_agrees()
    {
        string quote = Quote(), collateral = Path.Combine(_directory.Path, "collateral.json"),
            root = Path.Combine(_directory.Path, "root.pem"), parts = Path.Combine(_directory.Path, "parts");
        Done("attest", "collateral", quote, "-o", collateral);
        Done("attest", "collateral", quote, "--pck", "revoked", "--directory", parts);
        Done("attest", "root", "-o", root);
        CloisterProcess.Outcome elsewhere = CloisterProcess.Run(["attest", "verify", quote, "--root", root, "--collateral", collateral], "",
            start => start.Environment["XDG_STATE_HOME"] = Path.Combine(_directory.Path, "other"));
        Assert.Equal((0, ""), (elsewhere.Status, elsewhere.Error));
        Assert.Equal(2,
            CloisterProcess.Run(["attest", "verify", quote], "",
                start => start.Environment["XDG_STATE_HOME"] = Path.Combine(_directory.Path, "other")).Status);

        string chain = _directory.Write("chain.pem",
            System.Text.Encoding.Latin1.GetString(Attestation.Quotes.Quote.Parse(File.ReadAllBytes(quote)).Certification.Span)[..^1]);
        string pck = _directory.Write("pck.pem",
            File.ReadAllText(chain)[..(File.ReadAllText(chain).IndexOf("-----END", StringComparison.Ordinal) + 26)]);
        (int status, string output) = OpenSsl("verify", "-x509_strict", "-CAfile", root, "-untrusted", chain, pck);
        Assert.True(status == 0, output);
        string lists = Path.Combine(_directory.Path, "lists.pem");
        foreach (string list in new[] { "root_ca_crl.der", "pck_crl.der" })
        {
            (status, output) = OpenSsl("crl", "-inform", "der", "-in", Path.Combine(parts, list));
            Assert.True(status == 0, output);
            File.AppendAllText(lists, output);
        }

        (status, output) = OpenSsl("verify", "-crl_check_all", "-CAfile", root, "-untrusted", chain, "-CRLfile", lists, pck);
        Assert.True(status != 0 && output.Contains("certificate revoked", StringComparison.Ordinal), output);
        Assert.Equal(7, Directory.GetFiles(parts).Length);
    }

    [Fact]
    public void What_cannot_be_is_one_line()
    {
        string quote = Quote(), half = Path.Combine(_directory.Path, "half");
        File.WriteAllBytes(half, File.ReadAllBytes(quote)[..600]);
        (int Status, string Expected, string[] Words)[] wrong =
        [
            (2, "the quote ends within its signature data", ["show", half]),
            (2, "no such file", ["verify", quote + "x"]),
            (2, "no certificate in PEM or DER", ["verify", quote, "--root", half]),
            (2, "no JSON text of collateral", ["verify", quote, "--collateral", half]),
            (64, "did you mean OutOfDate?", ["verify", quote, "--tcb", "OutOfDat"]),
            (64, "not a time", ["verify", quote, "--at", "yesterday"]),
            (64, "there is fresh, expired", ["collateral", quote, "--collateral", "old"]),
        ];
        Assert.All(wrong, one =>
        {
            CloisterProcess.Outcome outcome = Run(["attest", .. one.Words]);
            Assert.True(one.Status == outcome.Status && outcome.Error.Contains(one.Expected, StringComparison.Ordinal),
                $"{outcome.Status}: {outcome.Error}");
            Assert.Equal(1, outcome.Error.Count(c => c == '\n'));
        });
    }
}
