using System.Numerics;
using System.Security.Cryptography;

namespace Cloister.Attestation.Certificates;

/// <summary>ECDSA with P-256 and SHA-256, r and s side by side, as quotes and JSON have them.</summary>
internal static class Signatures
{
    /// <summary>Bytes of a signature, and of a public key's two coordinates.</summary>
    public const int Length = 64;

    private static readonly BigInteger s_order = new(
        Convert.FromHexString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"), isUnsigned: true, isBigEndian: true);

    /// <summary>Signs; one key may be asked by several threads.</summary>
    public static byte[] Sign(ECDsa key, ReadOnlySpan<byte> data)
    {
        lock (key)
        {
            return key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
    }

    /// <summary>Whether a signature is right; false for a key that is no point of the curve.</summary>
    public static bool Verify(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        try
        {
            using ECDsa ecdsa = Public(key);
            return ecdsa.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    public static bool VerifyDer(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        try
        {
            using ECDsa ecdsa = Public(key);
            return ecdsa.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <summary>X and Y of a key, big endian.</summary>
    public static byte[] Coordinates(ECDsa key)
    {
        ECPoint q = key.ExportParameters(false).Q;
        return [.. q.X!, .. q.Y!];
    }

    /// <summary>The private key of 320 random bits: modulo n-1, plus 1. FIPS 186-4, B.4.1.</summary>
    public static ECDsa PrivateOf(ReadOnlySpan<byte> bits)
    {
        BigInteger d = (new BigInteger(bits, isUnsigned: true, isBigEndian: true) % (s_order - 1)) + 1;
        byte[] number = d.ToByteArray(isUnsigned: true, isBigEndian: true), padded = new byte[32];
        number.CopyTo(padded, padded.Length - number.Length);
        return ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = padded });
    }

    private static ECDsa Public(ReadOnlySpan<byte> key) =>
        ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = key[..32].ToArray(), Y = key[32..].ToArray() },
        });
}
