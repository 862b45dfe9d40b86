using System.Numerics;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Images;

namespace Cloister.Host;

/// <summary>Signs an enclave on the spot with a key of its own: for development, where MRSIGNER does not matter.</summary>
/// <remarks>
/// SGX keys have the exponent 3 (SDM 3D, SIGSTRUCT), which .NET cannot ask for. It makes keys with another exponent, of which each has two
/// primes; two primes that leave the rest 2 when divided by 3 make a key with exponent 3.
/// </remarks>
public sealed class DebugSigner : IDisposable
{
    private static readonly Lazy<DebugSigner> One = new(() => new DebugSigner());
    private readonly RSA _key = CreateKey();

    /// <summary>One for the whole process: making a key takes a second or so.</summary>
    public static DebugSigner Shared => One.Value;

    /// <summary>A new RSA key of 3072 bits with exponent 3.</summary>
    public static RSA CreateKey()
    {
        var primes = new List<BigInteger>();
        while (primes.Count < 2)
        {
            using var source = RSA.Create(3072);
            RSAParameters parameters = source.ExportParameters(includePrivateParameters: true);
            foreach (byte[]? bytes in (byte[]?[])[parameters.P, parameters.Q])
            {
                var prime = new BigInteger(bytes, isUnsigned: true, isBigEndian: true);
                if (prime % 3 == 2 && primes.Count < 2)
                {
                    primes.Add(prime);
                }
            }
        }

        return RSA.Create(Parameters(primes[0], primes[1]));
    }

    /// <summary>Signs.</summary>
    /// <param name="parameters">What the SIGSTRUCT says.</param>
    /// <param name="mrenclave">The measurement, 32 bytes.</param>
    public Sigstruct Sign(SigningParameters parameters, ReadOnlySpan<byte> mrenclave)
    {
        Sigstruct unsigned = SigstructSigner.Prepare(parameters, mrenclave, DateOnly.FromDateTime(DateTime.UtcNow));
        return SigstructSigner.Sign(in unsigned, _key);
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    private static RSAParameters Parameters(BigInteger p, BigInteger q)
    {
        const int keyBytes = 384, primeBytes = keyBytes / 2;
        BigInteger order = (p - 1) * (q - 1);

        // order leaves the rest 1 when divided by 3, so 3 * d = 2 * order + 1.
        BigInteger d = ((2 * order) + 1) / 3;
        return new RSAParameters
        {
            Modulus = Bytes(p * q, keyBytes),
            Exponent = [3],
            D = Bytes(d, keyBytes),
            P = Bytes(p, primeBytes),
            Q = Bytes(q, primeBytes),
            DP = Bytes(d % (p - 1), primeBytes),
            DQ = Bytes(d % (q - 1), primeBytes),
            InverseQ = Bytes(BigInteger.ModPow(q, p - 2, p), primeBytes),
        };
    }

    private static byte[] Bytes(BigInteger value, int length)
    {
        byte[] bytes = new byte[length];
        byte[] significant = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        significant.CopyTo(bytes, length - significant.Length);
        return bytes;
    }
}
