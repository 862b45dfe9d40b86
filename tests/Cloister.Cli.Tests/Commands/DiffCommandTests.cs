using System.Text.Json;
using Cloister.Cli.Tests.Harness;
using Cloister.Images.Tests;

namespace Cloister.Cli.Tests.Commands;

public sealed class DiffCommandTests : IDisposable
{
    private readonly EnclaveFiles _files = new();
    private readonly TemporaryDirectory _first = new(), _second = new();

    public void Dispose()
    {
        _files.Dispose();
        _first.Dispose();
        _second.Dispose();
    }

    [Fact]
    public void Two_that_are_the_same_do_not_differ()
    {
        string one = _files.Write("one.sgxs", OtherFiles.Sgxs()), other = _files.Write("other.sgxs", OtherFiles.Sgxs());
        Assert.EndsWith("Nothing differs.\n", EnclaveFiles.Run(0, "diff", one, other), StringComparison.Ordinal);
        Assert.Equal("same\n", EnclaveFiles.Run(0, "diff", "-q", one, other));
        Assert.True(EnclaveFiles.Json(0, "diff", one, other).GetProperty("same").GetBoolean());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void The_one_that_cannot_be_read_is_named(int place)
    {
        string[] files = [_files.Write("one.sgxs", OtherFiles.Sgxs()), _files.Write("other.sgxs", OtherFiles.Sgxs())];
        files[place] = _files.Write("empty.sgxs", []);
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["diff", .. files]);
        Assert.Equal((2, $"cloister: {files[place]}: the file is empty\n"), (outcome.Status, outcome.Error));
    }

    [Fact]
    public void A_measured_byte_is_found_in_its_page()
    {
        byte[] changed = OtherFiles.Sgxs();
        int chunk = changed.AsSpan().IndexOf("EEXTEND"u8);
        ulong page = BitConverter.ToUInt64(changed, chunk + 8);
        changed[chunk + 64 + 5] ^= 0x40;
        string one = _files.Write("one.sgxs", OtherFiles.Sgxs()), other = _files.Write("other.sgxs", changed);
        JsonElement json = EnclaveFiles.Json(1, "diff", one, other);
        JsonElement found = Assert.Single(json.GetProperty("pages").EnumerateArray());
        Assert.Equal((page & ~4095UL, "content", true, 1),
            (found.GetProperty("offset").GetUInt64(), found.GetProperty("what").GetString(), found.GetProperty("measured").GetBoolean(),
                found.GetProperty("bytes").GetInt32()));
        Assert.False(json.GetProperty("sameMrenclave").GetBoolean());
        Assert.Contains($"1 bytes, first at 0x{page + 5:x}: A ", EnclaveFiles.Run(1, "diff", one, other), StringComparison.Ordinal);
        Assert.Equal("measured\n", EnclaveFiles.Run(1, "diff", "-q", one, other));
    }

    [Fact]
    public void A_page_of_one_only_is_said_to_be_so()
    {
        byte[] whole = OtherFiles.Sgxs();
        int last = whole.AsSpan().LastIndexOf("EADD\0"u8);
        ulong page = BitConverter.ToUInt64(whole, last + 8);
        string one = _files.Write("one.sgxs", whole), other = _files.Write("other.sgxs", whole[..last]);
        JsonElement found = Assert.Single(EnclaveFiles.Json(1, "diff", one, other).GetProperty("pages").EnumerateArray());
        Assert.Equal((page, "only in the first"), (found.GetProperty("offset").GetUInt64(), found.GetProperty("what").GetString()));
        Assert.Contains("only in B", EnclaveFiles.Run(1, "diff", other, one), StringComparison.Ordinal);
    }

    [CompilerFact]
    public void A_function_that_was_changed_is_named()
    {
        const string source =
            "int helper(int n); int helper(int n) { return n + 1; } int answer(void); int answer(void) { return helper(NUMBER); } const char text[] = \"the same\";";
        string one = Compile(_first, source.Replace("NUMBER", "41", StringComparison.Ordinal)),
            other = Compile(_second, source.Replace("NUMBER", "43", StringComparison.Ordinal));
        JsonElement json = EnclaveFiles.Json(1, "diff", one, other);
        Assert.Equal("answer", Assert.Single(json.GetProperty("symbols").EnumerateArray()).GetProperty("name").GetString());
        Assert.Contains(json.GetProperty("sections").EnumerateArray(), section => section.GetProperty("name").GetString() == ".text");
        Assert.Contains(json.GetProperty("pages").EnumerateArray(), page => page.GetProperty("section").GetString() == ".text");
        Assert.Contains("symbols:\n  answer: A byte 0x", EnclaveFiles.Run(1, "diff", one, other), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_enclave_file_is_one_line()
    {
        string one = _files.Write("one.sgxs", OtherFiles.Sgxs()), other = _files.Write("other", "nothing"u8.ToArray());
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["diff", one, other]);
        Assert.NotEqual(0, outcome.Status);
        Assert.Single(outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    // As the kernel's own self test is linked: the first segment is the TCS. Linux 6.12, tools/testing/selftests/sgx/test_encl.lds.
    private static string Compile(TemporaryDirectory directory, string source)
    {
        string script = directory.Write("enclave.lds", """
            PHDRS { tcs PT_LOAD FLAGS(6); text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
            SECTIONS
            {
                . = 0;
                .tcs : { *(.tcs) } : tcs
                . = ALIGN(4096);
                .text : { *(.text*) *(.rodata*) } : text
                . = ALIGN(4096);
                .data : { *(.data*) } : data
                /DISCARD/ : { *(.comment*) *(.note*) *(.eh_frame*) }
            }
            """);
        string c = directory.Write("enclave.c", source
            + " __attribute__((section(\".tcs\"))) unsigned char control[4096] = { 1 }; int data = 7;");
        string output = Path.Combine(directory.Path, "enclave");
        using var gcc = System.Diagnostics.Process.Start("gcc",
            ["-O0", "-static", "-nostdlib", "-fno-stack-protector", "-Wl,--build-id=none", "-Wl,-T," + script, "-o", output, c]);
        gcc.WaitForExit();
        Assert.Equal(0, gcc.ExitCode);
        return output;
    }
}
