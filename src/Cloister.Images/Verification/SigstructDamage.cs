using System.Numerics;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Images;

/// <summary>One byte of a SIGSTRUCT that is not what was signed.</summary>
/// <param name="Field">The SDM's word for the field it is in.</param>
/// <param name="Offset">Bytes from the beginning of the SIGSTRUCT.</param>
/// <param name="Signed">What it was when it was signed.</param>
/// <param name="Found">What it is.</param>
public sealed record SigstructDamage(string Field, int Offset, byte Signed, byte Found)
{
    private const int KeySize = 384;
    private const int ModulusOffset = 128;
    private const int SignatureOffset = 516;
    private const int SignedPart = 128;

    /// <summary>
    /// Finds the one change that makes a signature wrong: a byte of the header or the body, or a bit of MODULUS or SIGNATURE. The
    /// signature holds the digest of what was signed, and Q1 what MODULUS and SIGNATURE were, so each guess can be tried.
    /// </summary>
    /// <param name="sigstruct">With a wrong signature.</param>
    /// <returns>The change, or null when it is more than that.</returns>
    public static SigstructDamage? Find(in Sigstruct sigstruct)
    {
        byte[] bytes = SigstructText.Bytes(in sigstruct).ToArray();
        return SigstructVerifier.CheckSignature(bytes) switch
        {
            SigstructDefect.None => null,
            SigstructDefect.Digest => FindSigned(bytes),
            _ => FindInKey(bytes),
        };
    }

    // SHA-256 of each guess is compared with the digest in the signature.
    private static SigstructDamage? FindSigned(byte[] sigstruct)
    {
        var modulus = new BigInteger(sigstruct.AsSpan(ModulusOffset, KeySize), isUnsigned: true);
        var signature = new BigInteger(sigstruct.AsSpan(SignatureOffset, KeySize), isUnsigned: true);
        Span<byte> expected = stackalloc byte[KeySize + 1];
        expected.Clear();
        BigInteger.ModPow(signature, 3, modulus).TryWriteBytes(expected, out _, isUnsigned: true);
        expected = expected[..SHA256.HashSizeInBytes];
        expected.Reverse();

        Span<byte> signed = stackalloc byte[2 * SignedPart];
        sigstruct.AsSpan(0, SignedPart).CopyTo(signed);
        sigstruct.AsSpan(Sigstruct.BodyOffset, SignedPart).CopyTo(signed[SignedPart..]);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];

        // Most often it is a single bit.
        for (int pass = 0; pass < 2; pass++)
        {
            for (int at = 0; at < signed.Length; at++)
            {
                byte found = signed[at];
                for (int guess = 1; guess <= byte.MaxValue; guess++)
                {
                    if (BitOperations.IsPow2(guess) != (pass == 0))
                    {
                        continue;
                    }

                    signed[at] = (byte)(found ^ guess);
                    SHA256.HashData(signed, digest);
                    if (digest.SequenceEqual(expected))
                    {
                        return At(at < SignedPart ? at : at - SignedPart + Sigstruct.BodyOffset, signed[at], found);
                    }
                }

                signed[at] = found;
            }
        }

        return null;
    }

    // Q1 is floor(SIGNATURE^2 / MODULUS) for one bit of either at most; what it leaves is then held against the whole.
    private static SigstructDamage? FindInKey(byte[] sigstruct)
    {
        var modulus = new BigInteger(sigstruct.AsSpan(ModulusOffset, KeySize), isUnsigned: true);
        var signature = new BigInteger(sigstruct.AsSpan(SignatureOffset, KeySize), isUnsigned: true);
        var q1 = new BigInteger(sigstruct.AsSpan(1040, KeySize), isUnsigned: true);
        BigInteger rest = (signature * signature) - (q1 * modulus);
        for (int bit = 0; bit < 8 * KeySize; bit++)
        {
            (int at, byte mask) = (bit / 8, (byte)(1 << (bit % 8)));
            BigInteger weight = BigInteger.One << bit;

            // The rest of the division, had the bit of MODULUS been the other.
            bool set = (sigstruct[ModulusOffset + at] & mask) != 0;
            BigInteger other = set ? rest + (q1 << bit) : rest - (q1 << bit);
            if (other.Sign >= 0 && other < (set ? modulus - weight : modulus + weight) && HoldsWith(sigstruct, ModulusOffset + at, mask))
            {
                return At(ModulusOffset + at, (byte)(sigstruct[ModulusOffset + at] ^ mask), sigstruct[ModulusOffset + at]);
            }

            // The same for SIGNATURE: (s + w)^2 = s^2 + 2sw + w^2.
            set = (sigstruct[SignatureOffset + at] & mask) != 0;
            BigInteger twice = signature << (bit + 1);
            other = (set ? rest - twice : rest + twice) + (BigInteger.One << (2 * bit));
            if (other.Sign >= 0 && other < modulus && HoldsWith(sigstruct, SignatureOffset + at, mask))
            {
                return At(SignatureOffset + at, (byte)(sigstruct[SignatureOffset + at] ^ mask), sigstruct[SignatureOffset + at]);
            }
        }

        return null;
    }

    private static bool HoldsWith(byte[] sigstruct, int offset, byte mask)
    {
        byte[] changed = (byte[])sigstruct.Clone();
        changed[offset] ^= mask;
        return SigstructVerifier.CheckSignature(changed) == SigstructDefect.None;
    }

    private static SigstructDamage At(int offset, byte signed, byte found) => new(SigstructText.FieldAt(offset), offset, signed, found);
}
