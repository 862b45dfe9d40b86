using System.Security.Cryptography;
using Cloister.Architecture;

namespace Cloister.Images.Tests.Signing;

public class SigstructSignerTests
{
    private static readonly byte[] Mrenclave = SHA256.HashData("an enclave"u8);
    private static readonly DateOnly Date = new(2031, 12, 9);

    [Fact]
    public void What_it_signs_EINIT_accepts()
    {
        Sigstruct sigstruct =
            SigstructSigner.Sign(SigstructSigner.Prepare(new SigningParameters { Isvprodid = 7, Isvsvn = 2 }, Mrenclave, Date),
                TestKey.Value);

        Assert.All(SigstructChecks.Run(in sigstruct, 0), check => Assert.True(check.Passed, check.Name));
        Assert.Equal(0x20311209u, sigstruct.Date);
        Assert.Equal("2031-12-09", SigstructText.DescribeDate(sigstruct.Date));
        Assert.Equal((7, 2), (sigstruct.Isvprodid, sigstruct.Isvsvn));
    }

    [Fact]
    public void Two_steps_give_what_one_gives()
    {
        Sigstruct prepared = SigstructSigner.Prepare(new SigningParameters(), Mrenclave, Date);
        byte[] signature = TestKey.Value.SignHash(SigstructSigner.Digest(in prepared), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        Sigstruct completed = SigstructSigner.Complete(in prepared, signature, SigstructSigner.Modulus(TestKey.Value));
        Sigstruct signed = SigstructSigner.Sign(in prepared, TestKey.Value);
        Assert.Equal(SigstructText.Bytes(in signed).ToArray(), SigstructText.Bytes(in completed).ToArray());
    }

    [Fact]
    public void A_signature_of_other_data_is_refused()
    {
        Sigstruct prepared = SigstructSigner.Prepare(new SigningParameters(), Mrenclave, Date);
        byte[] signature = TestKey.Value.SignHash(SHA256.HashData("other"u8), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var wrong = Assert.Throws<CryptographicException>(
            () => SigstructSigner.Complete(in prepared, signature, SigstructSigner.Modulus(TestKey.Value)));
        Assert.Contains("other data", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_with_another_exponent_is_refused()
    {
        using var key = RSA.Create(3072);
        Sigstruct prepared = SigstructSigner.Prepare(new SigningParameters(), Mrenclave, Date);
        var wrong = Assert.Throws<CryptographicException>(() => SigstructSigner.Sign(in prepared, key));
        Assert.Contains("65537", wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "header")]
    [InlineData(24, "header2")]
    [InlineData(44, "reserved")]
    [InlineData(908, "reserved")]
    [InlineData(992, "reserved")]
    [InlineData(1039, "reserved")]
    [InlineData(512, "exponent")]
    [InlineData(1040, "q1")]
    [InlineData(1500, "q2")]
    [InlineData(40, "signature")]
    [InlineData(960, "signature")]
    [InlineData(1026, "signature")]
    [InlineData(600, "signature")]
    [InlineData(16, "vendor")]
    public void A_changed_byte_is_named(int offset, string check)
    {
        Sigstruct sigstruct = SigstructSigner.Sign(SigstructSigner.Prepare(new SigningParameters(), Mrenclave, Date), TestKey.Value);
        byte[] bytes = SigstructText.Bytes(in sigstruct).ToArray();
        bytes[offset] ^= 0x10;
        Sigstruct changed = System.Runtime.InteropServices.MemoryMarshal.Read<Sigstruct>(bytes);
        Assert.Contains(check, SigstructChecks.Run(in changed, 0).Where(one => !one.Passed).Select(one => one.Name));
    }
}
