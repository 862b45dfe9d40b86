namespace Cloister.Images.Tests.Verification;

public class RealSigstructTests
{
    // The values stand in the folder's own README, read by another program.
    [RealSigstructTheory]
    [InlineData("fortanix-sig1.sigstruct.bin", "c50673624a6cb17c1c6c2a4e6906f47a170c4629b8723781d1017ef376f1a75d",
        "83d719e77deaca1470f6baf62a4d774303c899db69020f9c70ee1dfc08c7ce9e", 0, 0, 0x4, "2016-01-09")]
    [InlineData("fortanix-test_enclave.sig", "784acfd7d5096a8f0fbd3265760bff21b120f62407a9a9e5ba31aa3c8ed198fc",
        "fb4bab3d6036ac1d730fa83d7366df1dd2dfeac194ef335d6854d8a6c6475542", 65535, 0, 0x4, "2016-12-14")]
    [InlineData("mobilecoin-valid.css", "5b9fbfca6ac62d8236ec5e1c4eebd847fb1807450a78ea2421be5cb4b49a5ea9",
        "7ee5e29d74623fdbc6fbf1454be6f3bb0b86c12366b7b478ad13353e44de8411", 1, 1, 0x4, "2020-01-28")]
    [InlineData("gramine-helloworld.sig", "3b9403186b9e13f9e8636fba1f6f4fff00a24064f6e570d328efa13cc3bee6b7",
        "fa2f9444ce8a8854d942a200bf1030e8165c1474f96cbba70a6259d130ea96a0", 0, 0, 0x6,
        "2022-11-28, not in the SDM's form: bytes swapped or binary instead of BCD")]
    [InlineData("intel-le_prod_css.bin", "7881af9f9def547da9908c008f29cde9bd78064e36ac7e14c83c294ca4806150",
        "acb77012053e05a63d413b8bbae8fb6c5d73b3f2996d91c43bbbf90959c0f8d4", 32, 7, 0x24, "2024-08-11")]
    public void ReadsAndVerifies(string name, string mrenclave, string mrsigner, int product, int version, int attributes, string date)
    {
        using EnclaveImage image = ImageReader.Open(Path.Combine(SharedData.Sigstructs!, name));
        EnclaveVariant variant = Assert.Single(image.Variants);
        Architecture.Sigstruct sigstruct = variant.Sigstruct!.Value;

        Assert.Equal(ImageFormat.Sigstruct, image.Format);
        Assert.Equal(mrenclave, SigstructText.Enclavehash(in sigstruct));
        Assert.Equal(mrsigner, SigstructText.Mrsigner(in sigstruct));
        Assert.Equal((product, version), (sigstruct.Isvprodid, sigstruct.Isvsvn));
        Assert.Equal((ulong)attributes, (ulong)sigstruct.Attributes.Flags);
        Assert.Equal(date, SigstructText.DescribeDate(sigstruct.Date));
        Assert.All(EnclaveVerifier.Verify(image, variant, new VerificationPolicy()), check => Assert.True(check.Passed, check.Name));
    }

    [RealSigstructTheory]
    [InlineData("fortanix-sig1.sigstruct.bin")]
    [InlineData("intel-le_prod_css.bin")]
    public void EveryFlippedBitIsRefused(string name)
    {
        byte[] bytes = File.ReadAllBytes(Path.Combine(SharedData.Sigstructs!, name));
        for (int i = 0; i < bytes.Length; i++)
        {
            // The SDM leaves SWDEFINED to the signer, but it is signed: no byte is free.
            bytes[i] ^= (byte)(1 << (i % 8));
            Architecture.Sigstruct sigstruct = System.Runtime.InteropServices.MemoryMarshal.Read<Architecture.Sigstruct>(bytes);
            Assert.Contains(SigstructChecks.Run(in sigstruct, 0), check => !check.Passed);
            bytes[i] ^= (byte)(1 << (i % 8));
        }
    }

    [RealSigstructTheory]
    [InlineData("gramine-singularity.token")]
    public void ReadsAnEinittoken(string name)
    {
        using EnclaveImage image = ImageReader.Open(Path.Combine(SharedData.Sigstructs!, name));
        Assert.Equal(ImageFormat.Einittoken, image.Format);
        Assert.StartsWith("0", image.Variants[0].Details.Single(detail => detail.Name == "VALID").Value, StringComparison.Ordinal);
    }
}
