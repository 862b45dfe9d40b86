namespace Cloister.Images.Tests.Pe;

public class IntelSdkPeReaderTests
{
    [Fact]
    public void TheMetadataIsReadAndThePagesAreNot()
    {
        using EnclaveImage image = EnclaveImage.Read(ByteSource.FromBytes(OtherFiles.Pe(IntelElf.Signed(new string('7', 64)))));
        EnclaveVariant variant = image.PreferredVariant;
        Assert.Equal(ImageFormat.IntelSdkPe, image.Format);
        Assert.Equal("metadata 1.2", variant.Name);
        Assert.Equal("3", variant.Details.Single(detail => detail.Name == "threads").Value);
        Assert.Equal(1, EncluSearch.Count(image));

        // The signature holds, and yet nobody knows of what.
        Check failed = Assert.Single(EnclaveVerifier.Verify(image, variant, new VerificationPolicy()), check => !check.Passed);
        Assert.Equal("content", failed.Name);
        Assert.StartsWith("not measured", failed.Found, StringComparison.Ordinal);
    }
}
