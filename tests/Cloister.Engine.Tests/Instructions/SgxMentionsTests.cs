using System.Text;
using Cloister.Engine.Instructions;

namespace Cloister.Engine.Tests.Instructions;

public sealed class SgxMentionsTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();
    private readonly SgxMentions _mentions = new();

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("/dev/sgx_enclave\0")]
    [InlineData("/dev/isgx\0")]
    [InlineData("__vdso_sgx_enter_enclave\0")]
    public void A_program_speaks_of_it_by_a_name(string name)
    {
        Write([.. "\u007fELF"u8, .. new byte[3_000_000], .. Encoding.ASCII.GetBytes(name), .. new byte[100]]);
        Assert.True(_mentions.Of(_file, out string? interpreter));
        Assert.Null(interpreter);
    }

    [Fact]
    public void A_name_is_found_wherever_it_lies_in_a_long_file()
    {
        // Files are read in pieces of 1 MiB.
        for (int at = (1 << 20) - 20; at < (1 << 20) + 4; at++)
        {
            byte[] file = [.. "\u007fELF"u8, .. new byte[(1 << 20) + 200]];
            "/dev/sgx"u8.CopyTo(file.AsSpan(at));
            Write(file);
            File.SetLastWriteTimeUtc(_file, DateTime.UnixEpoch.AddSeconds(at));
            Assert.True(_mentions.Of(_file, out _), $"at {at}");
        }
    }

    [Theory]
    [InlineData(new byte[] { 0xb8, 0x12, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2 }, true)]
    [InlineData(new byte[] { 0xb8, 0x07, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2 }, false)]
    [InlineData(new byte[] { 0xb8, 0x12, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa3 }, false)]
    [InlineData(new byte[] { 0x0f, 0xa2, 0xb8, 0x12, 0, 0, 0, 0x0f, 0x05 }, false)]
    [InlineData(new byte[] { 0x0f, 0xa2, 0x90, 0xb8, 0x12, 0, 0, 0, 0x0f, 0xa2 }, true)]
    public void Or_by_CPUID_of_leaf_12H(byte[] code, bool speaks) => Assert.Equal(speaks, SgxMentions.IsIn(code));

    [Theory]
    [InlineData("#!/bin/sh\necho /dev/sgx_enclave\n", "/bin/sh")]
    [InlineData("#! /usr/bin/env python3\n", "/usr/bin/env")]
    [InlineData("#!\n", null)]
    [InlineData("echo /dev/sgx_enclave\n", null)]
    [InlineData("", null)]
    public void A_script_is_what_interprets_it(string text, string? interpreter)
    {
        Write(Encoding.ASCII.GetBytes(text));
        Assert.False(_mentions.Of(_file, out string? found));
        Assert.Equal(interpreter, found);
    }

    [Fact]
    public void A_file_that_was_written_to_is_read_again()
    {
        Write("\u007fELF        "u8.ToArray());
        Assert.False(_mentions.Of(_file, out _));
        Write("\u007fELF/dev/sgx"u8.ToArray());
        File.SetLastWriteTimeUtc(_file, DateTime.UnixEpoch);
        Assert.True(_mentions.Of(_file, out _));
    }

    [Theory]
    [InlineData("/no/such/file")]
    [InlineData("/dev/null")]
    [InlineData("/proc")]
    public void What_is_no_file_says_nothing(string path) => Assert.False(_mentions.Of(path, out _));

    private void Write(byte[] bytes) => File.WriteAllBytes(_file, bytes);
}
