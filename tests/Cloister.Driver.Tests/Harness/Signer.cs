using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;

namespace Cloister.Driver.Tests.Harness;

/// <summary>A signer with a key made for this run: RSA-3072 with exponent 3, as SIGSTRUCT wants it.</summary>
internal sealed class Signer
{
    private static readonly Lazy<Signer> Shared = new(() => new Signer());

    private readonly BigInteger _modulus;
    private readonly BigInteger _exponent;

    private Signer()
    {
        while (true)
        {
            using var rsa = RSA.Create(3072);
            var key = rsa.ExportParameters(includePrivateParameters: true);
            var p = new BigInteger(key.P, isUnsigned: true, isBigEndian: true);
            var q = new BigInteger(key.Q, isUnsigned: true, isBigEndian: true);
            var phi = (p - 1) * (q - 1);
            if (phi % 3 != 0)
            {
                // The inverse of 3: one of 1 + phi and 1 + 2 phi is a multiple of 3.
                _modulus = p * q;
                _exponent = ((1 + phi) % 3 == 0 ? 1 + phi : 1 + (2 * phi)) / 3;
                return;
            }
        }
    }

    public static Signer Instance => Shared.Value;

    /// <summary>SHA-256 of the modulus: MRSIGNER.</summary>
    public byte[] Mrsigner => SHA256.HashData(LittleEndian(_modulus));

    /// <summary>Fills in modulus, exponent, signature, Q1 and Q2.</summary>
    public byte[] Sign(Sigstruct sigstruct)
    {
        LittleEndian(_modulus).CopyTo((Span<byte>)sigstruct.Modulus);
        sigstruct.Exponent = 3;
        var bytes = MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref sigstruct, 1));
        byte[] signedPart = [.. bytes[..128], .. bytes[900..1028]];
        var signature = BigInteger.ModPow(Padded(SHA256.HashData(signedPart)), _exponent, _modulus);
        var square = BigInteger.DivRem(signature * signature, _modulus, out var rest);
        LittleEndian(signature).CopyTo((Span<byte>)sigstruct.Signature);
        LittleEndian(square).CopyTo((Span<byte>)sigstruct.Q1);
        LittleEndian(signature * rest / _modulus).CopyTo((Span<byte>)sigstruct.Q2);
        return MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref sigstruct, 1)).ToArray();
    }

    // EMSA-PKCS1-v1_5 (RFC 8017, 9.2) with the DigestInfo of SHA-256.
    private static BigInteger Padded(byte[] digest)
    {
        byte[] info = Convert.FromHexString("3031300d060960864801650304020105000420");
        byte[] message = new byte[384];
        message.AsSpan().Fill(0xff);
        (message[0], message[1]) = (0, 1);
        int end = message.Length - digest.Length - info.Length;
        message[end - 1] = 0;
        info.CopyTo(message, end);
        digest.CopyTo(message, end + info.Length);
        return new BigInteger(message, isUnsigned: true, isBigEndian: true);
    }

    private static byte[] LittleEndian(BigInteger value)
    {
        byte[] bytes = new byte[384];
        value.ToByteArray(isUnsigned: true).CopyTo(bytes, 0);
        return bytes;
    }
}
