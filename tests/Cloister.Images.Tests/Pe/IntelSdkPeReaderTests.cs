using System.Buffers.Binary;

namespace Cloister.Images.Tests.Pe;

public class IntelSdkPeReaderTests
{
    [Theory]
    [InlineData(true, 1)]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    public void The_pages_are_those_of_its_loader(bool is64, uint minor)
    {
        string expected = PeEnclave.Expected(is64).Mrenclave;
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(PeEnclave.File(is64, minor, IntelElf.Signed(expected))));
        EnclaveVariant variant = image.PreferredVariant;
        Assert.Equal((ImageFormat.IntelSdkPe, $"metadata 1.{minor}"), (image.Format, variant.Name));
        Assert.Equal("2", variant.Details.Single(detail => detail.Name == "threads").Value);
        Assert.Equal(1, EncluSearch.Count(image));
        Assert.Equal(expected, EnclaveMeasurer.Measure(image, variant).Text);
        Assert.All(EnclaveVerifier.Verify(image, variant, new VerificationPolicy()), check => Assert.True(check.Passed, check.Name));
    }

    // The checksum and the certificates of Authenticode come after the enclave was signed.
    [Fact]
    public void What_is_written_behind_the_signers_back_is_not_measured()
    {
        byte[] file = PeEnclave.File();
        file[0x98 + 64] ^= 1;
        file[0x98 + 112 + 32] ^= 1;
        Assert.Equal(PeEnclave.Expected(true).Mrenclave, IntelElf.Measure(file));
        file[0x98 + 60 - 4] ^= 1;
        Assert.NotEqual(PeEnclave.Expected(true).Mrenclave, IntelElf.Measure(file));
    }

    [Fact]
    public void Of_another_version_the_metadata_is_read_and_the_pages_are_not()
    {
        using EnclaveImage image =
            ImageReader.Read(ByteSource.FromBytes(PeEnclave.File(minor: 3, sigstruct: IntelElf.Signed(new string('7', 64)))));

        // The signature holds, and yet nobody knows of what.
        Check failed =
            Assert.Single(EnclaveVerifier.Verify(image, image.PreferredVariant, new VerificationPolicy()), check => !check.Passed);
        Assert.Equal("content", failed.Name);
        Assert.StartsWith("not measured", failed.Found, StringComparison.Ordinal);
    }

    // Found by damaging files: a section of gigabytes among relocations was an object for each of its pages.
    [Fact]
    public void A_section_of_any_size_is_as_many_runs_as_its_relocations_make()
    {
        byte[] file = PeEnclave.File();
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x98 + 112 + 128 + 160 + 8), 0xb4b4b4b4);
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(file));
        long before = GC.GetAllocatedBytesForCurrentThread();
        PageMap map = PageMap.Read(image, image.PreferredVariant, 1000);
        Assert.True(map.Pages > 0xb4b4b);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Fact]
    public void A_file_that_was_never_signed_says_so()
    {
        byte[] file = PeEnclave.File();
        file.AsSpan(0xe00, 0x754).Clear();
        using EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(file));
        Assert.Contains("never signed", image.PreferredVariant.PagesMissing, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x98 + 112 + 76, 0, "no thread-local variables")]
    [InlineData(0x98 + 112 + 4, 0, "exports no enclave_entry")]
    [InlineData(0x84c, 0x20, "exports no enclave_entry")]
    [InlineData(0xe00 + 22, 1, "threads with")]
    [InlineData(0x1604, 3, "in the PE relocations")]
    [InlineData(0x98 + 112 + 128 + 12, 1, "in the middle of a page")]
    public void What_is_wrong_is_said(int offset, byte value, string words)
    {
        byte[] file = PeEnclave.File();
        file[offset] = value;
        string message = Assert.Throws<ImageException>(() => IntelElf.Measure(file)).Message;
        Assert.Contains(words, message, StringComparison.Ordinal);
    }
}
