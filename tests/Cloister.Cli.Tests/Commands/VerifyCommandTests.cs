using System.Text.Json;
using Cloister.Cli.Tests.Harness;
using Cloister.Images.Tests;

namespace Cloister.Cli.Tests.Commands;

public sealed class VerifyCommandTests : IDisposable
{
    private readonly EnclaveFiles _files = new();
    private readonly string _signed;

    public VerifyCommandTests()
    {
        _signed = Path.Combine(_files.Folder, "signed.so");
        EnclaveFiles.Run(0, "sign", _files.Of(EnclaveFiles.Intel), "--key", _files.Key(), "-o", _signed, "--isvsvn", "4", "--debug=false");
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void What_holds_gives_0_in_each_form()
    {
        Assert.Equal("ok\n", EnclaveFiles.Run(0, "verify", _signed, "--quiet"));
        JsonElement json = EnclaveFiles.Json(0, "verify", _signed);
        Assert.True(json.GetProperty("passed").GetBoolean());
        Assert.Equal(2, json.GetProperty("variants").GetArrayLength());
        Assert.All(json.GetProperty("variants").EnumerateArray().SelectMany(variant => variant.GetProperty("checks").EnumerateArray()),
            check => Assert.True(check.GetProperty("passed").GetBoolean()));
    }

    [Fact]
    public void Each_condition_gives_0_or_1_and_the_failure_says_what_was_expected_and_found()
    {
        JsonElement measured = EnclaveFiles.Json(0, "inspect", _signed, "--metadata", "3.3")
            .GetProperty("variants")[0].GetProperty("sigstruct");
        string mrenclave = measured.GetProperty("mrenclave").GetString()!, mrsigner = measured.GetProperty("mrsigner").GetString()!,
            other = new('0', 64);
        Assert.Equal("ok\n",
            EnclaveFiles.Run(0, "verify", _signed, "--metadata", "3.3", "-q", "--mrenclave", mrenclave, "--mrsigner", mrsigner));
        Assert.Equal("failed\n", EnclaveFiles.Run(1, "verify", _signed, "--metadata", "3.3", "-q", "--mrenclave", other));
        string text = EnclaveFiles.Run(1, "verify", _signed, "--metadata", "3.3", "--mrsigner", other);
        Assert.Contains($"expected  {other}", text, StringComparison.Ordinal);
        Assert.Contains($"found     {mrsigner}", text, StringComparison.Ordinal);
        Assert.Contains("where     SHA-256 of MODULUS", text, StringComparison.Ordinal);

        string policy = _files.Write("policy.json", """{ "minimumIsvsvn": 4, "allowDebug": false, "allowTestKey": false, }"""u8.ToArray());
        Assert.Equal("ok\n", EnclaveFiles.Run(0, "verify", _signed, "-q", "--policy", policy));
        policy = _files.Write("policy.json", """{ "minimumIsvsvn": 5 }"""u8.ToArray());
        JsonElement failed = EnclaveFiles.Json(1, "verify", _signed, "--policy", policy).GetProperty("variants")[0].GetProperty("checks")
            .EnumerateArray().Single(check => !check.GetProperty("passed").GetBoolean());
        Assert.Equal(("isvsvn", "5 or more", "4"),
            (failed.GetProperty("name").GetString(), failed.GetProperty("expected").GetString(), failed.GetProperty("found").GetString()));
    }

    [Fact]
    public void A_changed_page_is_named_when_there_is_a_file_to_compare_with()
    {
        byte[] bytes = File.ReadAllBytes(_signed);
        bytes[IntelElf.CodeOffset + 4200] ^= 4;
        string bad = _files.Write("bad.so", bytes);
        Assert.Contains("the hash alone does not tell which page; --against ORIGINAL names it", EnclaveFiles.Run(1, "verify", bad),
            StringComparison.Ordinal);
        Assert.Contains("page      0x1000: content from byte 0x68 of the page",
            EnclaveFiles.Run(1, "verify", bad, "--metadata", "3.3", "--against", _signed), StringComparison.Ordinal);
        Assert.Equal("0x1000", EnclaveFiles.Json(1, "verify", bad, "--metadata", "3.3", "--against", _signed)
            .GetProperty("variants")[0].GetProperty("difference").GetProperty("offset").GetString());
        Assert.Contains("the other file measures the same", EnclaveFiles.Run(1, "verify", bad, "--against", bad), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(EnclaveFiles.Intel)]
    [InlineData(EnclaveFiles.Sgxs)]
    [InlineData(EnclaveFiles.Pe)]
    [InlineData(EnclaveFiles.Einittoken)]
    public void What_is_not_signed_does_not_hold(string format)
    {
        Assert.Equal("failed\n", EnclaveFiles.Run(1, "verify", "-q", _files.Of(format)));
        Assert.Contains("signed", EnclaveFiles.Run(1, "verify", _files.Of(format)), StringComparison.Ordinal);
    }

    [Fact]
    public void Content_that_cannot_be_measured_does_not_hold()
    {
        string pe = _files.Write("x.dll", PeEnclave.File(minor: 9, sigstruct: IntelElf.Signed(new string('5', 64))));
        Assert.Contains("not measured:", EnclaveFiles.Run(1, "verify", pe), StringComparison.Ordinal);
    }
}
