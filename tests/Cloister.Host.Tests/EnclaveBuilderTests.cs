using System.Security.Cryptography;
using Cloister.Architecture;

namespace Cloister.Host.Tests;

public class EnclaveBuilderTests
{
    private const PageAccess ReadWrite = PageAccess.Read | PageAccess.Write;

    [Theory]
    [InlineData(0)]
    [InlineData(4096)]
    [InlineData(12288)]
    [InlineData(8193)]
    public void Size_is_a_power_of_two_of_two_pages_or_more(ulong size) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new EnclaveBuilder(size));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(0x4000, 1)]
    [InlineData(0x3000, 2)]
    [InlineData(ulong.MaxValue - 4095, 1)]
    public void Pages_lie_on_pages_inside(ulong offset, int pages) =>
        Assert.Throws<ArgumentException>(() => new EnclaveBuilder(0x4000).AddZeros(offset, pages, ReadWrite));

    [Fact]
    public void Pages_do_not_overlap()
    {
        var builder = new EnclaveBuilder(0x8000);
        builder.AddZeros(0x1000, 2, ReadWrite);
        ArgumentException e = Assert.Throws<ArgumentException>(() => builder.Add(0, new byte[4097], PageAccess.Read));
        Assert.Contains("0x1000", e.Message, StringComparison.Ordinal);
        _ = Assert.Throws<ArgumentException>(() => builder.AddThread(0x2000, default));
        _ = Assert.Throws<ArgumentException>(() => builder.Add(0x3000, ReadOnlyMemory<byte>.Empty, PageAccess.Read));
    }

    [Fact]
    public void Measurement_is_the_manuals()
    {
        // SDM 3D, ECREATE, EADD and EEXTEND: 64-byte records, and behind each of EEXTEND's the 256 bytes.
        byte[] content = [.. Enumerable.Range(0, 5000).Select(i => (byte)i)];
        byte[] mrenclave = new EnclaveBuilder(0x8000) { SsaFrameSize = 2 }
            .Add(0x2000, content, PageAccess.Read | PageAccess.Execute)
            .AddZeros(0x1000, 1, ReadWrite, measured: false)
            .AddThread(0, new Tcs { Oentry = 0x2000 })
            .Measure()
            .ToArray();

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Record(string tag, params (int At, byte[] Value)[] fields)
        {
            byte[] record = new byte[64];
            System.Text.Encoding.ASCII.GetBytes(tag).CopyTo(record, 0);
            foreach ((int at, byte[] value) in fields)
            {
                value.CopyTo(record, at);
            }

            hash.AppendData(record);
        }

        void Page(ulong offset, ulong flags, byte[]? bytes)
        {
            Record("EADD", (8, BitConverter.GetBytes(offset)), (16, BitConverter.GetBytes(flags)));
            for (int at = 0; bytes is not null && at < 4096; at += 256)
            {
                Record("EEXTEND", (8, BitConverter.GetBytes(offset + (ulong)at)));
                hash.AppendData(bytes.AsSpan(at, 256));
            }
        }

        byte[] second = new byte[4096], tcs = new byte[4096];
        content.AsSpan(4096).CopyTo(second);
        BitConverter.GetBytes(0x2000ul).CopyTo(tcs, 32);
        Record("ECREATE", (8, BitConverter.GetBytes(2u)), (12, BitConverter.GetBytes(0x8000ul)));
        Page(0x2000, 0x205, content[..4096]);
        Page(0x3000, 0x205, second);
        Page(0x1000, 0x203, null);
        Page(0, 0x100, tcs);
        Assert.Equal(hash.GetHashAndReset(), mrenclave);
    }

    [Fact]
    public void Neighbours_with_one_access_are_one_mapping()
    {
        EnclaveBuilder builder = new EnclaveBuilder(0x10000)
            .AddZeros(0x5000, 1, ReadWrite)
            .AddZeros(0, 2, PageAccess.Read | PageAccess.Execute)
            .AddThread(0x4000, default)
            .AddZeros(0x2000, 1, PageAccess.Read)
            .AddZeros(0x7000, 1, ReadWrite);
        Assert.Equal(
            [
                (0x0000, 0x2000, PageAccess.Read | PageAccess.Execute),
                (0x2000, 0x1000, PageAccess.Read),
                (0x4000, 0x2000, ReadWrite),
                (0x7000, 0x1000, ReadWrite),
            ],
            EnclaveLoader.Mappings(builder.Runs).Select(mapping => ((int)mapping.Offset, (int)mapping.Length, mapping.Access)));
    }
}
