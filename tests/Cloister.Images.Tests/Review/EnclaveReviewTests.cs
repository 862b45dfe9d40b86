using Cloister.Architecture;

namespace Cloister.Images.Tests.Review;

public class EnclaveReviewTests
{
    [Fact]
    public void What_a_reviewer_raises_is_named()
    {
        var parameters = new SigningParameters
        {
            Vendor = 0x8086,
            Attributes = new Attributes(AttributeFlags.Mode64Bit | AttributeFlags.Debug | AttributeFlags.ProvisionKey
                | AttributeFlags.EinittokenKey, 3),
        };
        var sigstruct = SigstructSigner.Sign(SigstructSigner.Prepare(parameters, new byte[32], new DateOnly(2030, 1, 2)), TestKey.Value);
        var metadata = new MetadataBuilder(3, 3, 0x20000) { Sigstruct = sigstruct };
        metadata.Entry(1, 1, 1, 0x6000, IntelElf.Rw | 4);
        string[] expected = ["debug", "provisionkey", "einittokenkey", "svn-0", "vendor-intel", "writable-code", "unmeasured-code",
            "no-tcs", "no-enclu"];
        Assert.Empty(expected.Except(Codes(IntelElf.File(metadata))));
    }

    [Fact]
    public void An_unsigned_file_and_a_TCS_into_nowhere_are_named()
    {
        byte[] tcs = new byte[4096];
        tcs[8] = 1;
        tcs[34] = 0x77;
        string[] expected = ["unsigned", "tcs-dbgoptin", "tcs-entry"];
        Assert.Empty(expected.Except(Codes(new Oracle(0x4000, 1).Page(0, 0x100, tcs).Page(0x1000, 0x205, new byte[4096]).Stream)));
    }

    [Fact]
    public void A_public_key_is_known()
        => Assert.Contains("sample", KnownSigner.FindTestKey("83d719e77deaca1470f6baf62a4d774303c899db69020f9c70ee1dfc08c7ce9e"),
            StringComparison.Ordinal);

    [Theory]
    [InlineData(0x20240229u, "2024-02-29")]
    [InlineData(0x29022024u, null)]
    [InlineData(0x24202902u, null)]
    [InlineData(0x19052420u, "2024-05-19")]
    [InlineData(0x1c0b07e6u, "2022-11-28")]
    [InlineData(0x10052220u, "2022-05-10")]
    [InlineData(0u, null)]
    public void Dates_are_read(uint date, string? expected)
        => Assert.Equal(expected,
            SigstructText.ReadDate(date, out _)?.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture));

    [Fact]
    public void A_date_with_its_bytes_turned_round_is_recognised()
    {
        Assert.Equal(new DateOnly(2023, 4, 14), SigstructText.ReadDate(0x14042320, out bool swapped));
        Assert.True(swapped);
    }

    private static string[] Codes(byte[] file)
    {
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(file));
        EnclaveVariant variant = image.PreferredVariant;
        return [.. EnclaveReview.Run(image, variant, PageMap.Read(image, variant)).Select(finding => finding.Code)];
    }
}
