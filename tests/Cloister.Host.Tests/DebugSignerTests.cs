using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Images;
using Cloister.Processor;

namespace Cloister.Host.Tests;

public class DebugSignerTests
{
    [Fact]
    public void Key_has_3072_bits_and_exponent_3()
    {
        using RSA key = DebugSigner.CreateKey();
        Assert.Equal(384, SigstructSigner.Modulus(key).Length);
        byte[] data = [1, 2, 3];
        byte[] signature = key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var other = RSA.Create(key.ExportParameters(includePrivateParameters: false));
        Assert.True(other.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    [Fact]
    public void Processor_takes_its_signature()
    {
        byte[] mrenclave = SHA256.HashData([4]);
        Sigstruct sigstruct = DebugSigner.Shared.Sign(new SigningParameters { Isvsvn = 5 }, mrenclave);
        Assert.Equal(SigstructDefect.None,
            SigstructVerifier.CheckSignature(MemoryMarshal.AsBytes(new ReadOnlySpan<Sigstruct>(in sigstruct))));
        Assert.Equal(mrenclave, ((ReadOnlySpan<byte>)sigstruct.Enclavehash).ToArray());
        Assert.Equal(5, sigstruct.Isvsvn);
    }
}
