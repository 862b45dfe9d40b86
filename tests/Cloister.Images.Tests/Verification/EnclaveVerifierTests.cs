using Cloister.Architecture;

namespace Cloister.Images.Tests.Verification;

public class EnclaveVerifierTests
{
    [Fact]
    public void What_sign_writes_verifies()
    {
        byte[] unsigned = IntelElf.File(new MetadataBuilder(3, 3, 0x10000), new MetadataBuilder(1, 5, 0x10000));
        string path = Path.Combine(Path.GetTempPath(), $"cloister-images-{Guid.NewGuid():n}");
        try
        {
            using (EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(unsigned)))
            {
                EnclaveSigner.Write(image, [.. image.Variants.Select(variant => (variant, Sign(image, variant)))], path);
            }

            using EnclaveImage signed = ImageReader.Open(path);
            Assert.Equal(2, signed.Variants.Count);
            Assert.All(signed.Variants,
                variant => Assert.All(EnclaveVerifier.Verify(signed, variant, new VerificationPolicy()),
                    check => Assert.True(check.Passed, check.Name)));
            Assert.False(File.Exists(path + ".part"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_flipped_bit_in_a_measured_page_is_refused_and_found()
    {
        byte[] good = SignedFile();
        byte[] bad = (byte[])good.Clone();
        bad[IntelElf.CodeOffset + 4200] ^= 0x20;
        using EnclaveImage first = ImageReader.Read(ByteSource.FromBytes(good));
        using EnclaveImage second = ImageReader.Read(ByteSource.FromBytes(bad));

        Check failed =
            Assert.Single(EnclaveVerifier.Verify(second, second.PreferredVariant, new VerificationPolicy()), check => !check.Passed);
        Assert.Equal("content", failed.Name);
        Assert.NotEqual(failed.Expected, failed.Found);
        EnclaveDifference? difference = EnclaveComparison.Find(first, first.PreferredVariant, second, second.PreferredVariant);
        Assert.Equal(0x1000UL, difference!.Offset);
        Assert.Contains("0x68", difference.What, StringComparison.Ordinal);
        Assert.Null(EnclaveComparison.Find(first, first.PreferredVariant, first, first.PreferredVariant));
    }

    [Fact]
    public void A_difference_in_permissions_and_in_ECREATE_is_found()
    {
        using EnclaveImage first = Image(new MetadataBuilder(3, 3, 0x10000).Entry(1, 1, 1, 0x6000, IntelElf.Rw));
        using EnclaveImage second = Image(new MetadataBuilder(3, 3, 0x10000).Entry(1, 1, 1, 0x6000, IntelElf.Rw | 4));
        using EnclaveImage third = Image(new MetadataBuilder(3, 3, 0x20000).Entry(1, 1, 1, 0x6000, IntelElf.Rw));
        using EnclaveImage fourth = Image(new MetadataBuilder(3, 3, 0x10000));
        Assert.Equal((0x6000UL, "SECINFO"), Difference(first, second));
        Assert.Equal((null, "enclave size"), Difference(first, third));
        Assert.Equal((0x6000UL, "pages"), Difference(first, fourth));
    }

    [Theory]
    [InlineData("""{ "mrenclave": ["00"] }""", "mrenclave")]
    [InlineData("""{ "mrsigner": ["00"] }""", "mrsigner")]
    [InlineData("""{ "isvprodid": 3 }""", "isvprodid")]
    [InlineData("""{ "minimumIsvsvn": 2 }""", "isvsvn")]
    [InlineData("""{ "allowDebug": false }""", "debug")]
    [InlineData("""{ "notBefore": "2030-01-03" }""", "date")]
    public void A_policy_is_held(string policy, string check)
    {
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(SignedFile()));
        Assert.Equal([check], EnclaveVerifier.Verify(image, image.PreferredVariant, VerificationPolicy.Parse(policy))
            .Where(one => !one.Passed).Select(one => one.Name));
    }

    [Fact]
    public void A_policy_that_fits_passes()
    {
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(SignedFile()));
        Sigstruct sigstruct = image.PreferredVariant.Sigstruct!.Value;
        VerificationPolicy policy = VerificationPolicy.Parse($$"""
            {
              "mrenclave": ["{{SigstructText.Enclavehash(in sigstruct).ToUpperInvariant()}}", "00"],
              "mrsigner": ["{{SigstructText.Mrsigner(in sigstruct)}}"], "isvprodid": 0, "minimumIsvsvn": 1,
              "allowProvisionKey": false, "allowTestKey": false, "allowWritableCode": false, "notBefore": "2030-01-02"
            }
            """);
        Assert.All(EnclaveVerifier.Verify(image, image.PreferredVariant, policy), check => Assert.True(check.Passed, check.Name));
    }

    [Theory]
    [InlineData("{ \"mrenclav\": [] }")]
    [InlineData("{ \"\\ud800\": [] }")]
    [InlineData("{ \"mrenclave\": [\"\\ud800\"] }")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("null")]
    public void What_is_no_policy_is_refused(string text) => Assert.Throws<ImageException>(() => VerificationPolicy.Parse(text));

    private static Sigstruct Sign(EnclaveImage image, EnclaveVariant variant)
        => SigstructSigner.Sign(EnclaveSigner.Prepare(image, variant, new SigningParameters(), new DateOnly(2030, 1, 2)), TestKey.Value);

    private static byte[] SignedFile()
        => IntelElf.File(new MetadataBuilder(3, 3, 0x10000) { Sigstruct = IntelElf.Signed(IntelElf.Segments(0x10000).Mrenclave) });

    private static EnclaveImage Image(MetadataBuilder metadata) => ImageReader.Read(ByteSource.FromBytes(IntelElf.File(metadata)));

    private static (ulong?, string) Difference(EnclaveImage first, EnclaveImage second)
    {
        EnclaveDifference difference = EnclaveComparison.Find(first, first.PreferredVariant, second, second.PreferredVariant)!;
        return (difference.Offset, difference.What);
    }
}
