using System.Numerics;
using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests;

public class SigstructVerifierTests
{
    [SigstructTheory]
    [InlineData("fortanix-sig1.sigstruct.bin", "83d719e77deaca1470f6baf62a4d774303c899db69020f9c70ee1dfc08c7ce9e")]
    [InlineData("fortanix-test_enclave.sig", "fb4bab3d6036ac1d730fa83d7366df1dd2dfeac194ef335d6854d8a6c6475542")]
    [InlineData("gramine-helloworld.sig", "fa2f9444ce8a8854d942a200bf1030e8165c1474f96cbba70a6259d130ea96a0")]
    [InlineData("intel-le_prod_css.bin", "acb77012053e05a63d413b8bbae8fb6c5d73b3f2996d91c43bbbf90959c0f8d4")]
    [InlineData("mobilecoin-valid.css", "7ee5e29d74623fdbc6fbf1454be6f3bb0b86c12366b7b478ad13353e44de8411")]
    public void Published_sigstructs_verify(string file, string expectedMrsigner)
    {
        byte[] sigstruct = File.ReadAllBytes(Path.Combine(SharedData.Sigstructs!, file));
        Assert.Equal(SigstructDefect.None, SigstructVerifier.CheckFormat(sigstruct));
        Assert.Equal(SigstructDefect.None, SigstructVerifier.CheckSignature(sigstruct));
        byte[] mrsigner = new byte[32];
        SigstructVerifier.Mrsigner(sigstruct, mrsigner);
        Assert.Equal(expectedMrsigner, Convert.ToHexStringLower(mrsigner));
        sigstruct[960] ^= 1;
        Assert.Equal(SigstructDefect.Digest, SigstructVerifier.CheckSignature(sigstruct));
    }

    [Fact]
    public void A_length_that_is_not_1808_is_a_defect()
        => Assert.Equal(SigstructDefect.Length, SigstructVerifier.CheckFormat(new byte[1807]));

    [Fact]
    public void A_signature_that_is_not_below_the_modulus_is_a_defect()
    {
        Sigstruct sigstruct = MemoryMarshal.Read<Sigstruct>(TestSigner.Sign(default));
        Sigstruct zero = sigstruct with { Signature = default };
        Sigstruct large = sigstruct with { Signature = sigstruct.Modulus };
        Assert.Equal(SigstructDefect.SignatureRange, SigstructVerifier.CheckSignature(World.Bytes(zero)));
        Assert.Equal(SigstructDefect.SignatureRange, SigstructVerifier.CheckSignature(World.Bytes(large)));
    }

    [Fact]
    public void A_quotient_that_is_one_off_either_way_is_a_defect()
    {
        Sigstruct sigstruct = MemoryMarshal.Read<Sigstruct>(TestSigner.Sign(default));
        foreach (int by in new[] { -1, 1 })
        {
            Sigstruct q1 = sigstruct;
            TestSigner.LittleEndian(new BigInteger(sigstruct.Q1, isUnsigned: true) + by).CopyTo(q1.Q1);
            Assert.Equal(SigstructDefect.Q1, SigstructVerifier.CheckSignature(World.Bytes(q1)));
            Sigstruct q2 = sigstruct;
            TestSigner.LittleEndian(new BigInteger(sigstruct.Q2, isUnsigned: true) + by).CopyTo(q2.Q2);
            Assert.Equal(SigstructDefect.Q2, SigstructVerifier.CheckSignature(World.Bytes(q2)));
        }
    }

    [Theory]
    [InlineData(0, 1)] // The first byte is 0.
    [InlineData(1, 2)] // Block type 1.
    [InlineData(2, 0xfe)]
    [InlineData(331, 0xfe)]
    [InlineData(332, 1)] // The separator.
    [InlineData(333, 0x31)] // DigestInfo.
    [InlineData(347, 2)] // The hash's algorithm.
    [InlineData(351, 0x21)] // The digest's length.
    public void Every_byte_of_the_padding_counts(int offset, byte value)
    {
        byte[] sigstruct = TestSigner.Resign(default, message => message[offset] = value);
        Assert.Equal(SigstructDefect.Padding, SigstructVerifier.CheckSignature(sigstruct));
        Assert.Equal(SigstructDefect.None, SigstructVerifier.CheckSignature(TestSigner.Resign(default)));
    }

    [Fact]
    public void A_signature_of_something_else_is_badly_padded()
    {
        Sigstruct sigstruct = MemoryMarshal.Read<Sigstruct>(TestSigner.Sign(default));
        var modulus = new BigInteger(sigstruct.Modulus, isUnsigned: true);
        (BigInteger q1, BigInteger q2) = SigstructVerifier.Quotients(modulus / 3, modulus);
        TestSigner.LittleEndian(modulus / 3).CopyTo(sigstruct.Signature);
        TestSigner.LittleEndian(q1).CopyTo(sigstruct.Q1);
        TestSigner.LittleEndian(q2).CopyTo(sigstruct.Q2);
        Assert.Equal(SigstructDefect.Padding, SigstructVerifier.CheckSignature(World.Bytes(sigstruct)));
    }
}
