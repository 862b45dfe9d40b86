using Cloister.Architecture;

namespace Cloister.Images.Tests.Gramine;

public class GramineReaderTests
{
    [Fact]
    public void What_the_manifest_says_is_read()
    {
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(OtherFiles.Gramine()));
        EnclaveVariant variant = image.PreferredVariant;
        Assert.Equal(ImageFormat.Gramine, image.Format);
        Assert.Equal(16UL << 20, variant.Size);
        Assert.Equal((7, 12), (variant.Signing!.Isvprodid, variant.Signing.Isvsvn));
        Assert.Equal(new Attributes(AttributeFlags.Debug | AttributeFlags.Mode64Bit, 7), variant.Signing.Attributes);
        Assert.Contains("--libpal", variant.PagesMissing, StringComparison.Ordinal);
    }

    // The values were computed by Gramine 1.9's own signer (python/graminelibos/sgx_sign.py) for the same two files.
    [Theory]
    [InlineData("true", "001e41e687363e8ee9746c0a2ade1f1d813ebff1f11e099759525eeef9353c73")]
    [InlineData("false", "6a00619ee3756beb4696451ae17f23d0f5d8b1fa7fdd638c7213e317fab28e79")]
    public void Measures_with_libpal(string edmm, string mrenclave)
    {
        string folder = Directory.CreateTempSubdirectory("cloister-images-").FullName;
        try
        {
            string manifest = Path.Combine(folder, "x.manifest.sgx");
            string libpal = Path.Combine(folder, "libpal.so");
            File.WriteAllText(manifest, $"[sgx]\nenclave_size = \"16M\"\nmax_threads = 2\nedmm_enable = {edmm}\n");
            File.WriteAllBytes(libpal, OtherFiles.Libpal());
            using EnclaveImage image = ImageReader.Open(manifest, new ReadOptions { LibpalPath = libpal });
            Assert.Equal(mrenclave, EnclaveMeasurer.Measure(image, image.PreferredVariant).Text);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
