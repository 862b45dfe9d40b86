using System.Text.Json;
using Cloister.Architecture;
using Cloister.Cli.Running;
using Cloister.Cli.Tests.Harness;
using Cloister.Images;
using Cloister.Images.Tests;

namespace Cloister.Cli.Tests.Commands;

public sealed class InspectCommandTests : IDisposable
{
    private readonly EnclaveFiles _files = new();

    public static TheoryData<string> Formats => [.. EnclaveFiles.All.Keys];

    public void Dispose() => _files.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void Each_format_is_shown_in_each_form(string format)
    {
        string path = _files.Of(format);
        Assert.Equal(format + "\n", EnclaveFiles.Run(0, "inspect", path, "--quiet"));
        JsonElement json = EnclaveFiles.Json(0, "inspect", path);
        Assert.Equal((format, path, new FileInfo(path).Length),
            (json.GetProperty("format").GetString(), json.GetProperty("file").GetString(), json.GetProperty("length").GetInt64()));
        Assert.NotEmpty(json.GetProperty("variants").EnumerateArray());
        Assert.Contains(json.GetProperty("formatName").GetString()!, EnclaveFiles.Run(0, "inspect", path), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_member_of_the_JSON_stands_in_the_reference()
    {
        string described = File.ReadAllText(Repository.At("docs", "reference", "json.md"));
        var names = new SortedSet<string>(StringComparer.Ordinal);
        foreach (string format in EnclaveFiles.All.Keys)
        {
            Collect(EnclaveFiles.Json(0, "inspect", _files.Of(format)), names);
        }

        string signed = Path.Combine(_files.Folder, "signed.so"), intel = _files.Of(EnclaveFiles.Intel), key = _files.Key();
        Collect(EnclaveFiles.Json(0, "sign", intel, "--key", key, "-o", signed), names);
        Collect(EnclaveFiles.Json(0, "sign", intel, "--digest-out", signed + ".digest"), names);
        Collect(EnclaveFiles.Json(0, "measure", signed), names);
        Collect(EnclaveFiles.Json(0, "inspect", signed), names);
        byte[] changed = File.ReadAllBytes(signed);
        changed[IntelElf.CodeOffset] ^= 1;
        string bad = _files.Write("bad.so", changed);
        Collect(EnclaveFiles.Json(1, "measure", bad, "--against", signed), names);
        Collect(EnclaveFiles.Json(1, "verify", bad, "--against", signed), names);
        Collect(EnclaveFiles.Json(0, "doctor"), names);
        names.UnionWith(RunJson.Default.RunStatistics.Properties.Select(property => property.Name));
        Assert.DoesNotContain(names, name => !described.Contains($"`{name}`", StringComparison.Ordinal));
        Assert.Contains("measuredChunks", names);
    }

    [Fact]
    public void Everything_that_an_Intel_file_says_is_shown()
    {
        var metadata = new MetadataBuilder(3, 3, 0x100000) { Sigstruct = IntelElf.Signed(new string('5', 64)) };
        uint template = metadata.Data(IntelElf.TcsTemplate());
        metadata.Entry(1, 1, 1, 0x6000, IntelElf.Rw).Entry(3, 8, 2, 0x7000, IntelElf.Rw)
            .Entry(10, 0, 1, 0x9000, 0).Entry(8, 3, 1, 0xa000, IntelElf.Rw, 0xcccccccc)
            .Entry(4, 3, 1, 0xb000, IntelElf.Tcs, 72, template).Entry(6, 3, 1, 0xc000, IntelElf.Rw).Group(2, 3, 0x2000)
            .Entry(14, 8, 1, 0x20000, IntelElf.Tcs).Entry(20, 1, 1, 0x30000, IntelElf.Rw).Entry(22, 8, 4, 0x31000, IntelElf.Rw)
            .Patch(IntelElf.CodeOffset, [1, 2, 3]);
        var older = new MetadataBuilder(11, 5, 0x20000).Elrange(0x8000, 0, 0x40000).Entry(1, 1, 1, 0x6000, IntelElf.Rw);
        string text = EnclaveFiles.Run(0, "inspect", _files.Write("x.so", IntelElf.File(metadata, older)));

        // Both enclaves, the ranges by their names, the group, the patch, the ELRANGE.
        Assert.All(["metadata 3.3", "metadata 11.5", "HEAP_MIN", "HEAP_MAX", "GUARD", "STACK_MIN", "TCS", "SSA", "THREAD_GROUP", "TCS_DYN",
            "RSRV_MIN", "RSRV_MAX"],
            word => Assert.Contains(word, text, StringComparison.Ordinal));
        Assert.Contains("2 pages at 0x7000, added later", text, StringComparison.Ordinal);
        Assert.Contains("the 2 entries before, 3 times, each 0x2000 further on", text, StringComparison.Ordinal);
        Assert.Contains("3 bytes at file offset 0x1000", text, StringComparison.Ordinal);
        Assert.Contains("0x40000 bytes from 0x0, image at 0x8000", text, StringComparison.Ordinal);

        // Every field of the SIGSTRUCT, the picture and its legend, and what a reviewer raises.
        Sigstruct none = default;
        Assert.All(SigstructText.Fields(in none), field => Assert.Contains(field.Name, text, StringComparison.Ordinal));
        Assert.Contains("2030-01-02", text, StringComparison.Ordinal);
        Assert.Contains("One character is 4 KiB:", text, StringComparison.Ordinal);
        Assert.Contains($"             0 xx.ww.u...wTwTwTwTw{new string('.', 29)}u", text, StringComparison.Ordinal);
        Assert.Contains("T TCS, x code, w data", text, StringComparison.Ordinal);
        Assert.Contains("no-enclu", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", text, StringComparison.Ordinal);

        // One of them, when asked.
        string one = EnclaveFiles.Run(0, "inspect", Path.Combine(_files.Folder, "x.so"), "--metadata", "11.5");
        Assert.DoesNotContain("metadata 3.3", one, StringComparison.Ordinal);
    }

    [Fact]
    public void A_date_with_its_bytes_turned_round_and_a_simulation_build_are_recognised()
    {
        Sigstruct sigstruct = IntelElf.Signed(new string('5', 64));
        sigstruct.Date = 0x02013020;
        var metadata = new MetadataBuilder(3, 3, 0x10000) { Sigstruct = sigstruct };
        byte[] file = IntelElf.File([.. metadata.Build(), .. new byte[64]], ("enclave_entry", 0x40), ("g_global_data_sim", 0x3f00));
        JsonElement json = EnclaveFiles.Json(0, "inspect", _files.Write("x.so", file)), variant = json.GetProperty("variants")[0];
        Assert.Equal(["g_global_data_sim"], json.GetProperty("imports").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal("2030-01-02", variant.GetProperty("sigstruct").GetProperty("date").GetString());
        Assert.True(variant.GetProperty("sigstruct").GetProperty("dateSwapped").GetBoolean());
        string?[] codes = [.. variant.GetProperty("findings").EnumerateArray().Select(finding => finding.GetProperty("code").GetString())];
        Assert.Contains("date-swapped", codes);
        Assert.Contains("simulation", codes);
        Assert.Contains("bad-sigstruct", codes);
    }

    private static void Collect(JsonElement element, SortedSet<string> names)
    {
        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in element.EnumerateObject())
            {
                names.Add(property.Name);
                Collect(property.Value, names);
            }
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in element.EnumerateArray())
            {
                Collect(item, names);
            }
        }
    }
}
