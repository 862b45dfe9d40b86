using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Cli.Tests.Harness;
using Cloister.Images.Tests;

namespace Cloister.Cli.Tests.Commands;

public sealed class MeasureCommandTests : IDisposable
{
    private readonly EnclaveFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Quiet_prints_the_digits_and_nothing_else()
    {
        byte[] stream = OtherFiles.Sgxs();
        string path = _files.Write("x.sgxs", stream), mrenclave = Convert.ToHexStringLower(SHA256.HashData(stream));
        Assert.Equal(mrenclave + "\n", EnclaveFiles.Run(0, "measure", "--quiet", path));
        JsonElement json = EnclaveFiles.Json(0, "measure", path);
        Assert.Equal((mrenclave, stream.Length), (json.GetProperty("mrenclave").GetString(), json.GetProperty("hashedBytes").GetInt32()));
        Assert.Equal(JsonValueKind.Null, json.GetProperty("enclavehash").ValueKind);
        Assert.Contains($"MRENCLAVE    {mrenclave}\n", EnclaveFiles.Run(0, "measure", path), StringComparison.Ordinal);
    }

    // The stream's records, read a second time: 64 bytes each, and 256 more behind an EEXTEND. SDM 3D, EEXTEND.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_trace_lists_every_measured_operation_in_order(bool json)
    {
        byte[] stream = OtherFiles.Sgxs();
        var expected = new List<string>();
        for (int at = 0; at < stream.Length; at += 64)
        {
            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(stream.AsSpan(at + 8)),
                flags = BinaryPrimitives.ReadUInt64LittleEndian(stream.AsSpan(at + 16));
            string tag = Encoding.ASCII.GetString(stream, at, 8).TrimEnd('\0');
            if (tag == "EEXTEND")
            {
                string digest = Convert.ToHexStringLower(SHA256.HashData(stream.AsSpan(at + 64, 256)));
                expected.Add(json ? $$"""{"operation":"EEXTEND","offset":{{offset}},"sha256":"{{digest}}"}"""
                    : $"EEXTEND 0x{offset:x} sha256={digest}");
                at += 256;
            }
            else if (tag == "EADD")
            {
                string text = flags switch { 0x100 => "TCS ---", 0x205 => "REG r-x", _ => "REG rw-" }, name = flags == 0x100
                    ? "TCS" : "page";
                expected.Add(json ? $$"""{"operation":"EADD","offset":{{offset}},"secinfo":{{flags}},"name":"{{name}}"}"""
                    : $"EADD    0x{offset:x} {text} {name}");
            }
            else
            {
                expected.Add(json ? """{"operation":"ECREATE","size":16384,"ssaFrameSize":1}""" : "ECREATE size=0x4000 ssaframesize=1");
            }
        }

        string path = _files.Write("x.sgxs", stream);
        string[] lines = EnclaveFiles.Run(0, ["measure", "--trace", path, .. json ? ["--json"] : Array.Empty<string>()])
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(expected, lines[..expected.Count]);
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(stream)), lines[expected.Count], StringComparison.Ordinal);
    }

    [Fact]
    public void Against_another_finds_the_first_page_at_which_they_part()
    {
        byte[] bytes = OtherFiles.Sgxs();
        string first = _files.Write("first.sgxs", bytes), same = _files.Write("same.sgxs", bytes);

        // ECREATE, then the TCS with its 16 chunks, then the second page's EADD: a byte of its fourth chunk.
        bytes[64 + 64 + (16 * 320) + 64 + (3 * 320) + 64 + 17] ^= 1;
        string other = _files.Write("other.sgxs", bytes);
        string larger = _files.Write("larger.sgxs", new Oracle(0x8000, 1).Add(0, 0x203).Stream);

        Assert.Equal("same\n", EnclaveFiles.Run(0, "measure", first, "--against", same, "--quiet"));
        Assert.Contains("one MRENCLAVE", EnclaveFiles.Run(0, "measure", first, "--against", same), StringComparison.Ordinal);
        Assert.True(EnclaveFiles.Json(0, "measure", first, "--against", same).GetProperty("same").GetBoolean());
        Assert.Equal("0x1000\n", EnclaveFiles.Run(1, "measure", first, "--against", other, "--quiet"));
        Assert.Contains("They part at page 0x1000 of the enclave: content from byte 0x311",
            EnclaveFiles.Run(1, "measure", first, "--against", other), StringComparison.Ordinal);
        JsonElement difference = EnclaveFiles.Json(1, "measure", first, "--against", other).GetProperty("difference");
        Assert.Equal("0x1000", difference.GetProperty("offset").GetString());
        Assert.NotEqual(difference.GetProperty("first").GetString(), difference.GetProperty("second").GetString());
        Assert.Equal("ecreate\n", EnclaveFiles.Run(1, "measure", first, "--against", larger, "--quiet"));
    }

    [Fact]
    public void A_signed_file_is_compared_with_its_SIGSTRUCT()
    {
        string intel = _files.Of(EnclaveFiles.Intel), signed = Path.Combine(_files.Folder, "signed.so");
        EnclaveFiles.Run(0, "sign", intel, "--key", _files.Key(), "-o", signed);
        JsonElement json = EnclaveFiles.Json(0, "measure", signed);
        Assert.True(json.GetProperty("matches").GetBoolean());
        Assert.Equal(json.GetProperty("mrenclave").GetString(), json.GetProperty("enclavehash").GetString());

        // Every enclave of the file by its number, and no other.
        Assert.NotEqual(EnclaveFiles.Run(0, "measure", "-q", signed, "--metadata", "3.3"),
            EnclaveFiles.Run(0, "measure", "-q", signed, "--metadata", "11.5"));
        Assert.Contains("no 4.0 in the file", CloisterProcess.Run(["measure", signed, "--metadata", "4.0"]).Error,
            StringComparison.Ordinal);
    }
}
