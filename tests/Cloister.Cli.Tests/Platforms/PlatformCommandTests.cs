using System.Text.Json;
using Cloister.Architecture;
using Cloister.Cli.Tests.Harness;
using Cloister.Images;
using Cloister.Images.Tests;

namespace Cloister.Cli.Tests.Platforms;

/// <summary><c>cloister platform</c>: what is made stays, is the user's alone, and is written whole or not at all.</summary>
public sealed class PlatformCommandTests : IDisposable
{
    private const string Older = "01010000000000000000000000000000", Newer = "02020000000000000000000000000000";
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string Root => Path.Combine(_directory.Path, "cloister/platforms");

    private CloisterProcess.Outcome Run(params string[] arguments) =>
        CloisterProcess.Run(arguments, "", start => start.Environment["XDG_STATE_HOME"] = _directory.Path);

    private string Done(params string[] arguments)
    {
        CloisterProcess.Outcome outcome = Run(arguments);
        Assert.Equal((0, ""), (outcome.Status, outcome.Error));
        return outcome.Output;
    }

    private void Fails(int status, string expected, params string[] arguments)
    {
        CloisterProcess.Outcome outcome = Run(arguments);
        Assert.True(status == outcome.Status && outcome.Error.Contains(expected, StringComparison.Ordinal),
            $"{outcome.Status}: {outcome.Error}");
        Assert.Equal(1, outcome.Error.Count(c => c == '\n'));
    }

    private byte[] Key(string name) => File.ReadAllBytes(Path.Combine(Root, name, "root-key"));

    [Fact]
    public void It_is_made_shown_copied_exported_imported_and_deleted()
    {
        Done("platform", "create", "a");
        Done("platform", "create", "b", "--seed", "text", "--ca", "processor", "--cpusvn", Newer, "--pcesvn", "13", "--fmspc",
            "00906ed50000");
        Assert.NotEqual(Key("a"), Key("b"));
        Assert.Equal(RootKey.From("text").ToArray(), Key("b"));
        Assert.Equal(2, Done("platform", "list").Count(c => c == '\n'));
        Assert.Contains("00906ED50000", Done("platform", "show", "b"), StringComparison.Ordinal);
        using (var json = JsonDocument.Parse(Done("platform", "show", "b", "--json")))
        {
            Assert.Equal((Newer, 13, "processor"),
                (json.RootElement.GetProperty("cpusvn").GetString(), json.RootElement.GetProperty("pcesvn").GetInt32(),
                    json.RootElement.GetProperty("authority").GetString()));
        }

        Assert.DoesNotContain(Convert.ToHexStringLower(Key("a")), Done("platform", "show", "a") + Done("platform", "list", "--json"),
            StringComparison.Ordinal);
        Done("platform", "copy", "a", "c");
        Assert.Equal(Key("a"), Key("c"));
        string file = Path.Combine(_directory.Path, "a.json");
        Done("platform", "export", "a", file);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Done("platform", "delete", "a");
        Done("platform", "import", file, "d");
        Assert.Equal(Key("c"), Key("d"));
        Assert.Equal(["b", "c", "d"], Directory.GetDirectories(Root).Select(Path.GetFileName).Order());
        Assert.All(Directory.GetDirectories(Root),
            path => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(path)));
        Assert.All(Directory.GetFiles(Root, "*", SearchOption.AllDirectories),
            path => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path)));
    }

    [Fact]
    public void Microcode_comes_at_once_or_is_pending_until_the_power_was_off()
    {
        Done("platform", "create", "p");
        Done("platform", "update", "p", "--cpusvn", Newer, "--pending");
        Assert.Contains($"{Older}, PCESVN 16, pending {Newer}", Done("platform", "list"), StringComparison.Ordinal);
        Done("platform", "update", "p", "--power-cycle");
        Assert.DoesNotContain("pending", Done("platform", "list"), StringComparison.Ordinal);
        Assert.Contains($"{Older}/16, {Newer}/16", Done("platform", "show", "p"), StringComparison.Ordinal);
        Done("platform", "update", "p", "--cpusvn", Older);
        Assert.Contains($"CPUSVN {Older}", Done("platform", "list"), StringComparison.Ordinal);
        Done("platform", "new-owner", "p");
        Assert.Contains("a later one", Done("platform", "show", "p"), StringComparison.Ordinal);
    }

    // A file that is a SIGSTRUCT alone tells as much as the enclave that has it.
    private string Enclave(string name, ushort isvprodid, ushort isvsvn, AttributeFlags flags = AttributeFlags.ProvisionKey,
        bool isSigned = true)
    {
        var parameters = new SigningParameters
        {
            Isvprodid = isvprodid,
            Isvsvn = isvsvn,
            Attributes = new Attributes(AttributeFlags.Mode64Bit | flags, 3),
        };
        Sigstruct sigstruct = SigstructSigner.Prepare(parameters, new byte[32], new DateOnly(2026, 1, 1));
        sigstruct = isSigned ? SigstructSigner.Sign(in sigstruct, TestKey.Value) : sigstruct;
        string path = Path.Combine(_directory.Path, name);
        File.WriteAllBytes(path, SigstructText.Bytes(in sigstruct).ToArray());
        return path;
    }

    [Fact]
    public void Whose_PCE_and_QE_it_certifies_is_told_by_signed_files_and_stays()
    {
        string pce = Enclave("pce", 2, 7), qe = Enclave("qe", 3, 9), file = Path.Combine(_directory.Path, "mine.json");
        Done("platform", "create", "mine", "--pce", pce, "--qe", qe);
        string shown = Done("platform", "show", "mine");
        Assert.Contains("ISVPRODID 2, ISVSVN 7\n", shown, StringComparison.Ordinal);
        Assert.Contains("ISVPRODID 3, ISVSVN 9\n", shown, StringComparison.Ordinal);
        using (var json = JsonDocument.Parse(Done("platform", "show", "mine", "--json")))
        {
            Assert.Equal((7, 7, 9),
                (json.RootElement.GetProperty("pcesvn").GetInt32(), json.RootElement.GetProperty("pce").GetProperty("isvsvn").GetInt32(),
                    json.RootElement.GetProperty("qe").GetProperty("isvsvn").GetInt32()));
        }

        Done("platform", "export", "mine", file);
        Done("platform", "import", file, "same");
        Assert.Equal(shown.Replace("mine", "same", StringComparison.Ordinal), Done("platform", "show", "same"));
        Done("platform", "update", "mine", "--pcesvn", "6");
        Fails(64, "no key of a later version", "platform", "update", "mine", "--pcesvn", "8");
        Fails(64, "with --pce it is the ISVSVN", "platform", "update", "mine", "--pce", pce, "--pcesvn", "7");

        // Libraries of Intel's that are installed run the platform's own enclaves.
        Assert.DoesNotContain("SGX_AESM_ADDR", Done("run", "--platform", "same", "--", "env"), StringComparison.Ordinal);
        Done("platform", "update", "mine", "--pce", "intel", "--qe", "intel");
        shown = Done("platform", "show", "mine");
        Assert.Equal(2, shown.Split('\n').Count(line => line.EndsWith(" Intel's", StringComparison.Ordinal)));
        Assert.Contains("/16\n", shown, StringComparison.Ordinal);
        Assert.Contains("SGX_AESM_ADDR=1", Done("run", "--platform", "mine", "--", "env"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_PCE_or_QE_is_one_line()
    {
        Done("platform", "create", "a");
        string before = Done("platform", "show", "a");
        Fails(2, "no enclave", "platform", "update", "a", "--pce", "/bin/true");
        Fails(2, "no such file", "platform", "update", "a", "--qe", Path.Combine(_directory.Path, "nothing"));
        Fails(2, "a directory", "platform", "update", "a", "--qe", _directory.Path);
        Fails(2, "empty", "platform", "update", "a", "--qe", "");
        Fails(2, "without the attribute PROVISIONKEY", "platform", "update", "a", "--qe", Enclave("plain", 1, 1, AttributeFlags.None));
        Fails(2, "with the attribute DEBUG", "platform", "update", "a", "--pce",
            Enclave("debug", 1, 1, AttributeFlags.ProvisionKey | AttributeFlags.Debug));
        Fails(2, "EINIT refuses", "platform", "create", "b", "--pce", Enclave("unsigned", 1, 1, isSigned: false));
        Fails(2, "not signed", "platform", "create", "b", "--qe", _directory.WriteProgram("unsigned.so", OtherFiles.Intel()));
        Assert.Equal(before, Done("platform", "show", "a"));
        Assert.Equal(["a"], Directory.GetDirectories(Root).Select(Path.GetFileName));
    }

    [Fact]
    public void A_run_is_on_the_platform_that_is_named()
    {
        Done("platform", "create", "mine");
        CloisterProcess.Outcome outcome = Run("run", "-v", "--platform", "mine", "--", "true");
        Assert.Contains("keys of platform mine", outcome.Error, StringComparison.Ordinal);
        Fails(66, "there is no such platform; did you mean mine?", "run", "--platform", "mime", "--", "true");
        Fails(64, "not a platform's name", "run", "--platform", "../x", "--", "true");
    }

    [Fact]
    public void What_cannot_be_is_one_line()
    {
        Done("platform", "create", "a");
        Fails(64, "already", "platform", "create", "a");
        Fails(64, "the machine that no other run has", "platform", "create", "new");
        Fails(64, "not a platform's name", "platform", "create", ".a");
        Fails(64, "32 hexadecimal digits", "platform", "create", "b", "--cpusvn", "1");
        Fails(64, "there is platform and processor", "platform", "create", "b", "--ca", "x");
        Fails(64, "what is to change?", "platform", "update", "a");
        Fails(66, "no such platform", "platform", "show", "b");
        Fails(66, "no such platform", "platform", "delete", "b");
        string file = _directory.Write("a.json", "{");
        Fails(64, "already", "platform", "export", "a", file);
        Fails(2, "no whole JSON text", "platform", "import", file, "b");
        Fails(2, "no such file", "platform", "import", file + "x", "b");
        Assert.Equal(["a"], Directory.GetDirectories(Root).Select(Path.GetFileName));
    }

    [Fact]
    public void A_file_that_is_cut_is_said_and_left_alone()
    {
        Done("platform", "create", "a");
        string settings = Path.Combine(Root, "a", "platform.json"), half = File.ReadAllText(settings)[..40];
        File.WriteAllText(settings, half);
        Fails(65, "platform.json: it is no whole JSON text", "run", "--platform", "a", "--", "true");
        Fails(65, "platform.json: it is no whole JSON text", "platform", "update", "a", "--pcesvn", "1");
        Assert.Contains("damaged", Done("platform", "list"), StringComparison.Ordinal);
        Assert.Equal(half, File.ReadAllText(settings));
        File.WriteAllBytes(Path.Combine(Root, "a", "root-key"), [1, 2, 3]);
        Fails(65, "has 3 bytes and not 32", "platform", "copy", "a", "b");
    }

    [Fact]
    public void Many_at_once_lose_nothing()
    {
        _ = Parallel.For(0, 6, i => Assert.InRange(Run("platform", "create", "one").Status, 0, 64));
        string first = Done("platform", "show", "one");
        _ = Parallel.For(0, 6,
            i => Assert.Equal(0, Run("platform", "update", "one", "--cpusvn", $"{i + 2:x2}000000000000000000000000000000").Status));
        string last = Done("platform", "show", "one");
        Assert.All(Enumerable.Range(2, 6),
            i => Assert.Contains($"{i:x2}000000000000000000000000000000/16", last, StringComparison.Ordinal));
        Assert.Contains($"{Older}/16", first, StringComparison.Ordinal);
        Assert.Equal(["platform.json", "root-key"], Directory.GetFileSystemEntries(Path.Combine(Root, "one"))
            .Select(Path.GetFileName).Order());
    }
}
