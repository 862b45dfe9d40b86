using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Quotes;
using Cloister.Processor;
using Cloister.Processor.Enclu;

namespace Cloister.Attestation.Tests.Quotes;

/// <summary>A quote says what the REPORT said, byte for byte where DCAP has it, and of nothing but this machine's REPORTs.</summary>
public class QuotingServiceTests
{
    private readonly World _world = new();

    [Fact]
    public void Its_fields_stand_where_DCAP_has_them()
    {
        Report report = _world.Report();
        byte[] quote = _world.Service.Quote(report)!;
        Assert.Equal(_world.Service.QuoteLength, quote.Length);
        Assert.Equal("03000200000000000b001000939a7233f79c4ca9940a0db3957f0607", Convert.ToHexStringLower(quote.AsSpan(0, 28)));
        Assert.Equal(World.Bytes(report.Body), quote[48..432]);
        Assert.Equal(quote.Length - 436, BinaryPrimitives.ReadInt32LittleEndian(quote.AsSpan(432)));
        Assert.Equal(_world.Service.KeyHash, SHA256.HashData([.. quote[500..564], .. quote[1014..1046]]));
        Assert.Equal(_world.Service.KeyHash, quote[(564 + 320)..(564 + 352)]);
        Assert.Equal("2000000102", Convert.ToHexStringLower(quote.AsSpan(1012, 5)));
        Assert.Equal(5, BinaryPrimitives.ReadUInt16LittleEndian(quote.AsSpan(1046)));
        Assert.Equal(quote.Length - 1052, BinaryPrimitives.ReadInt32LittleEndian(quote.AsSpan(1048)));
        Assert.Equal(0, quote[^1]);
        Assert.Equal((byte)'\n', quote[^2]);
    }

    [Fact]
    public void Keys_stay_with_the_platform()
    {
        World again = new();
        Assert.Equal(_world.Service.KeyHash, again.Service.KeyHash);
        Assert.Equal(_world.Quote()[28..48], again.Quote()[28..48]);
        TcbVersion version = _world.Platform.Platform.Settings.Version;
        Assert.Equal(_world.Platform.Certificate(version).GetPublicKey(), again.Platform.Certificate(version).GetPublicKey());
        Assert.Equal(_world.Platform.Certificate(version).SerialNumber, again.Platform.Certificate(version).SerialNumber);

        // Another owner has another attestation key; the platform's certificate stays.
        World sold = new(new PlatformSettings { OwnerEpoch = "000102030405060708090a0b0c0d0e0f" });
        Assert.NotEqual(_world.Service.KeyHash, sold.Service.KeyHash);
        Assert.Equal(_world.Platform.Certificate(version).GetPublicKey(), sold.Platform.Certificate(version).GetPublicKey());
    }

    [Fact]
    public void One_bit_of_a_report_and_it_is_refused()
    {
        byte[] bytes = World.Bytes(_world.Report());
        for (int bit = 0; bit < bytes.Length * 8; bit += 5)
        {
            byte[] changed = [.. bytes];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Null(_world.Service.Quote(MemoryMarshal.Read<Report>(changed)));
        }
    }

    [Fact]
    public void A_report_of_another_machine_or_for_another_enclave_is_refused()
    {
        Report report = _world.Report();
        Assert.Null(
            new QuotingService(new CertifiedPlatform(new Platform(new byte[32], new PlatformSettings()), World.Authority)).Quote(report));
        Assert.Null(_world.Service.Quote(_world.Software(default).Report(default, [])));
    }

    [Fact]
    public void A_newer_CPUSVN_has_a_certificate_of_its_own()
    {
        byte[] newer = Convert.FromHexString("02020000000000000000000000000000");
        Report old = _world.Report();
        _world.Service.Cpusvn = newer;
        Assert.Null(_world.Service.Quote(old));
        MachineOptions machine = _world.Platform.Platform.Machine with { Cpusvn = newer };
        Assert.NotNull(_world.Service.Quote(new SoftwareEnclave(machine, default).Report(_world.Service.Targetinfo, [])));
    }

    [Fact]
    public void The_quoting_enclaves_report_is_for_whoever_asked()
    {
        byte[] quote = _world.Quote(), nonce = [.. Enumerable.Range(0, 16).Select(i => (byte)i)];
        SoftwareEnclave asking = _world.Software(new ReportBody { Isvsvn = 5, Attributes = new Attributes(AttributeFlags.Init, 3) });
        Report report = _world.Service.ReportOn(quote, nonce, asking.Targetinfo);
        Assert.True(asking.Verify(report));
        Assert.Equal(SHA256.HashData([.. nonce, .. quote]), World.Bytes(report.Body.Reportdata)[..32]);
        Assert.Equal(new byte[32], World.Bytes(report.Body.Reportdata)[32..]);
    }
}
