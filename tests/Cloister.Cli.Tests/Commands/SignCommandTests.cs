using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Cli.Tests.Harness;
using Cloister.Images.Tests;

namespace Cloister.Cli.Tests.Commands;

public sealed class SignCommandTests : IDisposable
{
    private static readonly Lazy<RSA> OtherKey = new(TestKey.Make);
    private readonly EnclaveFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(EnclaveFiles.Intel, "file.signed.intel-sdk-elf", false)]
    [InlineData(EnclaveFiles.OpenEnclave, "file.signed.open-enclave", false)]
    [InlineData(EnclaveFiles.Pe, "file.signed.intel-sdk-pe", false)]
    [InlineData(EnclaveFiles.Sgxs, "file.sig", true)]
    [InlineData(EnclaveFiles.PlainElf, "file.sig", true)]
    public void What_was_signed_verifies(string format, string output, bool apart)
    {
        string path = _files.Of(format), written = Path.Combine(_files.Folder, output);
        Assert.Equal(written + "\n", EnclaveFiles.Run(0, "sign", path, "--key", _files.Key(), "--quiet"));
        Assert.Equal("ok\n", EnclaveFiles.Run(0, "verify", "-q", apart ? path : written));
        Assert.Empty(Directory.GetFiles(_files.Folder, "*.part"));
    }

    [Fact]
    public void What_was_chosen_is_in_the_SIGSTRUCT()
    {
        string path = _files.Of(EnclaveFiles.Sgxs), output = Path.Combine(_files.Folder, "x.sig");
        string text = EnclaveFiles.Run(0, "sign", path, "--key", _files.Key(), "-o", output, "--isvprodid", "65535", "--isvsvn", "7",
            "--date", "2031-05-06", "--debug=true");
        Assert.Contains("MRSIGNER     ", text, StringComparison.Ordinal);
        JsonElement sigstruct = EnclaveFiles.Json(0, "inspect", output).GetProperty("variants")[0].GetProperty("sigstruct");
        string Field(string name) => sigstruct.GetProperty("fields").EnumerateArray()
            .Single(field => field.GetProperty("name").GetString() == name).GetProperty("value").GetString()!;
        Assert.Equal(("65535", "7", "0x20310506", "0x6"), (Field("ISVPRODID"), Field("ISVSVN"), Field("DATE"), Field("ATTRIBUTES.FLAGS")));

        // Signed again, the choices are those of the last time.
        EnclaveFiles.Run(0, "sign", path, "--sigstruct", output, "--key", _files.Key(), "-o", output + "2");
        sigstruct = EnclaveFiles.Json(0, "inspect", output + "2").GetProperty("variants")[0].GetProperty("sigstruct");
        Assert.Equal(("65535", "7", "0x6"), (Field("ISVPRODID"), Field("ISVSVN"), Field("ATTRIBUTES.FLAGS")));
    }

    [Theory]
    [InlineData("--digest-out")]
    [InlineData("--data-out")]
    public void In_two_steps_the_key_is_never_here(string way)
    {
        string path = _files.Of(EnclaveFiles.Intel), between = Path.Combine(_files.Folder, "between"),
            output = Path.Combine(_files.Folder, "signed.so");
        JsonElement json = EnclaveFiles.Json(0, "sign", path, way, between, "--isvsvn", "3", "--metadata", "3.3", "--date",
            $"{DateTime.UtcNow.AddDays(-40):yyyy-MM-dd}");
        byte[] bytes = File.ReadAllBytes(between);
        byte[] digest = way == "--digest-out" ? bytes : SHA256.HashData(bytes);
        Assert.Equal(Convert.ToHexStringLower(digest), json.GetProperty("digest").GetString());
        string signature = _files.Write("signature", TestKey.Value.SignHash(digest, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));

        // The date is found, other choices are not: they are part of what was signed.
        EnclaveFiles.Run(0, "sign", path, "--signature-in", signature, "--public-key", _files.PublicKey(), "--isvsvn", "3", "--metadata",
            "3.3", "-o", output);
        Assert.Equal("ok\n", EnclaveFiles.Run(0, "verify", "-q", output, "--metadata", "3.3"));
        OneLine(CloisterProcess.Run(["sign", path, "--signature-in", signature, "--public-key", _files.PublicKey(), "--isvsvn", "4",
            "--metadata", "3.3", "-o", output]), "of other data");
    }

    [Fact]
    public void In_two_steps_every_enclave_of_the_file_is_signed()
    {
        string path = _files.Of(EnclaveFiles.Intel), between = Path.Combine(_files.Folder, "between"),
            output = Path.Combine(_files.Folder, "signed.so");
        JsonElement[] parts = [.. EnclaveFiles.Json(0, "sign", path, "--digest-out", between, "--isvsvn", "3").GetProperty("toSign")
            .EnumerateArray()];
        Assert.Equal(["metadata 11.5", "metadata 3.3"], parts.SelectMany(part => part.GetProperty("variants").EnumerateArray())
            .Select(name => name.GetString()).Order());
        string[] signatures = [.. parts.SelectMany((part, i) => new[]
        {
            "--signature-in",
            _files.Write($"signature{i}",
                TestKey.Value.SignHash(File.ReadAllBytes(part.GetProperty("digestFile").GetString()!), HashAlgorithmName.SHA256,
                    RSASignaturePadding.Pkcs1)),
        })];
        EnclaveFiles.Run(0, ["sign", path, .. signatures, "--public-key", _files.PublicKey(), "--isvsvn", "3", "-o", output]);
        Assert.Equal("ok\n", EnclaveFiles.Run(0, "verify", "-q", output));
        if (parts.Length > 1)
        {
            // One is missing, and one is of nothing.
            OneLine(CloisterProcess.Run(
                ["sign", path, .. signatures[..2], "--public-key", _files.PublicKey(), "--isvsvn", "3", "-o", output]), "needs its own");
            OneLine(CloisterProcess.Run(["sign", path, .. signatures, "--metadata", "3.3", "--public-key", _files.PublicKey(), "--isvsvn",
                "3", "-o", output]), "that no enclave of the file needs");
        }
    }

    [Fact]
    public void What_has_two_signers_does_not_verify_and_says_so()
    {
        string path = _files.Of(EnclaveFiles.Intel), first = Path.Combine(_files.Folder, "first.so"),
            mixed = Path.Combine(_files.Folder, "mixed.so");
        EnclaveFiles.Run(0, "sign", path, "--key", _files.Key(), "-o", first);
        string other = _files.Write("other.pem", System.Text.Encoding.ASCII.GetBytes(OtherKey.Value.ExportRSAPrivateKeyPem()));
        Assert.Contains("left as is   metadata 11.5, which has MRSIGNER ",
            EnclaveFiles.Run(0, "sign", first, "--metadata", "3.3", "--key", other, "-o", mixed), StringComparison.Ordinal);
        Assert.Contains("  FAILED  signer\n", EnclaveFiles.Run(1, "verify", mixed), StringComparison.Ordinal);
        Assert.Equal("failed\n", EnclaveFiles.Run(1, "verify", "-q", mixed));
        Assert.Equal("ok\n", EnclaveFiles.Run(0, "verify", "-q", mixed, "--metadata", "3.3"));
        Assert.Equal("ok\n", EnclaveFiles.Run(0, "verify", "-q", first));
    }

    [Fact]
    public void The_date_is_that_of_the_source()
    {
        string path = _files.Of(EnclaveFiles.Sgxs), output = Path.Combine(_files.Folder, "x.sig");
        CloisterProcess.Outcome Sign(string epoch, params string[] more) =>
            CloisterProcess.Run(["sign", path, "--key", _files.Key(), "-o", output, .. more],
                adjust: start => start.Environment["SOURCE_DATE_EPOCH"] = epoch);
        Assert.Equal(0, Sign("1700000000").Status);
        Assert.Contains("0x20231114", EnclaveFiles.Run(0, "inspect", output), StringComparison.Ordinal);
        byte[] once = File.ReadAllBytes(output);
        Assert.Equal(0, Sign("1700000000").Status);
        Assert.Equal(once, File.ReadAllBytes(output));
        Assert.Equal(0, Sign("1700000000", "--date", "2031-05-06").Status);
        Assert.Contains("0x20310506", EnclaveFiles.Run(0, "inspect", output), StringComparison.Ordinal);
        OneLine(Sign("yesterday"), "SOURCE_DATE_EPOCH is 'yesterday'");
    }

    [Fact]
    public void What_cannot_be_used_is_said_in_one_line()
    {
        string path = _files.Of(EnclaveFiles.Sgxs), key = _files.Key();
        using var wrongExponent = RSA.Create(3072);
        string wrong = _files.Write("wrong.pem", System.Text.Encoding.ASCII.GetBytes(wrongExponent.ExportRSAPrivateKeyPem()));
        string encrypted =
            _files.Write("encrypted.pem",
                System.Text.Encoding.ASCII.GetBytes(wrongExponent.ExportEncryptedPkcs8PrivateKeyPem("x",
                    new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1))));
        string garbage = _files.Write("garbage.pem", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"u8.ToArray());
        foreach ((string[] options, string words) in new (string[], string)[]
        {
            ([], "give one of --key"),
            (["--key", key, "--digest-out", "x"], "give one of --key"),
            (["--signature-in", key], "needs --public-key"),
            (["--key", wrong], "exponent 65537"),
            (["--key", encrypted], "is encrypted"),
            (["--key", garbage], "no RSA key in PEM form"),
            (["--key", _files.PublicKey()], "no private key"),
            (["--key", "/nonexistent/key.pem"], "no such file"),
            (["--key", _files.Folder], "a directory"),
            (["--key", "/dev/zero"], "more than 16 MiB"),
            (["--key", key, "-o", _files.Folder], "cannot be written: a directory"),
            (["--digest-out", "/nonexistent/x"], "/nonexistent/x: cannot be written: no such file or directory"),
            (["--digest-out", "/dev/full"], "/dev/full: cannot be written: no space left on the device"),
            (["--signature-in", key, "--public-key", _files.PublicKey()], "384 bytes each"),
            (["--key", key, "-o", "/nonexistent/x.sig"], "/nonexistent/x.sig"),
        })
        {
            OneLine(CloisterProcess.Run(["sign", path, .. options]), words);
        }

        // Content that nobody can measure is not signed.
        OneLine(CloisterProcess.Run(["sign", _files.Write("x.dll", PeEnclave.File(minor: 9)), "--key", key]), "cannot be measured");
    }

    [Fact]
    public void What_was_never_signed_is_laid_out_by_its_configuration()
    {
        string path = _files.Write("unsigned.so", OtherFiles.Unsigned()), key = _files.Key(),
            output = Path.Combine(_files.Folder, "unsigned.signed.so");
        string configuration =
            _files.Write("config.xml",
                "<EnclaveConfiguration><TCSNum>4</TCSNum><HeapMaxSize>0x10000</HeapMaxSize><ISVSVN>9</ISVSVN></EnclaveConfiguration>"u8.ToArray());
        Assert.Contains($"laid out as  SDK 2.26, by {configuration}",
            EnclaveFiles.Run(0, "sign", path, "--key", key, "--config", configuration), StringComparison.Ordinal);
        Assert.Equal("ok\n", EnclaveFiles.Run(0, "verify", "-q", output));
        JsonElement variant = EnclaveFiles.Json(0, "inspect", output).GetProperty("variants")[0];
        Assert.Equal(("metadata 1.5", 4),
            (variant.GetProperty("variant").GetString(), variant.GetProperty("pages").GetProperty("tcs").GetArrayLength()));

        // Anew, by another configuration; and in two steps, where the configuration comes twice.
        string other = _files.Write("other.xml",
            "<EnclaveConfiguration><MiscSelect>1</MiscSelect><MiscMask>0xFFFFFFFE</MiscMask></EnclaveConfiguration>"u8.ToArray());
        JsonElement json = EnclaveFiles.Json(0, "sign", output, "--key", key, "--config", other);
        Assert.Equal("SDK 2.26", json.GetProperty("laidOutAs").GetString());
        Assert.Equal(["metadata 3.3", "metadata 1.5"], json.GetProperty("variants").EnumerateArray()
            .Select(one => one.GetProperty("variant").GetString()));
        string digest = Path.Combine(_files.Folder, "digest"), second = Path.Combine(_files.Folder, "second.so");
        EnclaveFiles.Run(0, "sign", path, "--digest-out", digest, "--config", configuration);
        string signature = _files.Write("signature",
            TestKey.Value.SignHash(File.ReadAllBytes(digest), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        EnclaveFiles.Run(0, "sign", path, "--signature-in", signature, "--public-key", _files.PublicKey(), "--config",
            configuration, "-o", second);
        Assert.Equal("ok\n", EnclaveFiles.Run(0, "verify", "-q", second));

        string wrong = _files.Write("wrong.xml", "<EnclaveConfiguration><Threads>4</Threads></EnclaveConfiguration>"u8.ToArray());
        OneLine(CloisterProcess.Run(["sign", path, "--key", key, "--config", wrong]), "no signer knows: Threads");
        OneLine(CloisterProcess.Run(["sign", _files.Of(EnclaveFiles.Sgxs), "--key", key, "--config", configuration]),
            "is not laid out by a configuration");
    }

    private static void OneLine(CloisterProcess.Outcome outcome, string words)
    {
        Assert.Equal((2, ""), (outcome.Status, outcome.Output));
        Assert.StartsWith("cloister: ", outcome.Error, StringComparison.Ordinal);
        Assert.Contains(words, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
    }
}
