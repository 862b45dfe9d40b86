using System.Numerics;
using System.Security.Cryptography;

namespace Cloister.Images.Tests;

/// <summary>An RSA key of 3072 bits with exponent 3, made once per run. .NET makes keys with exponent 65537 only.</summary>
internal static class TestKey
{
    private static readonly Lazy<RSA> Made = new(Make);

    public static RSA Value => Made.Value;

    public static RSA Make()
    {
        while (true)
        {
            using var other = RSA.Create(3072);
            RSAParameters of = other.ExportParameters(includePrivateParameters: true);
            BigInteger p = Number(of.P!) - 1;
            BigInteger q = Number(of.Q!) - 1;
            if (p % 3 == 0 || q % 3 == 0)
            {
                continue;
            }

            // 3 * d = 1 mod (p-1)(q-1): d = (k * phi + 1) / 3 for the k that makes it whole.
            BigInteger phi = p * q;
            BigInteger d = phi % 3 == 1 ? ((2 * phi) + 1) / 3 : (phi + 1) / 3;
            of.Exponent = [3];
            of.D = Bytes(d, 384);
            of.DP = Bytes(d % p, 192);
            of.DQ = Bytes(d % q, 192);
            return RSA.Create(of);
        }
    }

    private static BigInteger Number(byte[] bytes) => new(bytes, isUnsigned: true, isBigEndian: true);

    private static byte[] Bytes(BigInteger value, int length)
    {
        byte[] bytes = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[length - bytes.Length], .. bytes];
    }
}
