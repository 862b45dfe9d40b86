using System.Numerics;
using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Images;

/// <summary>What EINIT checks of a SIGSTRUCT, one check for each field, so that all that is wrong is told at once.</summary>
public static class SigstructChecks
{
    private const int KeySize = 384;

    /// <summary>The checks, in the order of the fields.</summary>
    /// <param name="sigstruct">The SIGSTRUCT.</param>
    /// <param name="fileOffset">Where it is in its file, for the reports.</param>
    public static IReadOnlyList<Check> Run(in Sigstruct sigstruct, long fileOffset)
    {
        Sigstruct s = sigstruct, patched = sigstruct;
        var checks = new List<Check>
        {
            Constant("header", "HEADER", 0, Sigstruct.ExpectedHeader, s.Header),
            new("vendor", s.Vendor is 0 or 0x8086, "0x0 or 0x8086", $"0x{s.Vendor:x}", Place("VENDOR", 16)),
            Constant("header2", "HEADER2", 24, Sigstruct.ExpectedHeader2, s.Header2),
            new("exponent", s.Exponent == 3, "3", $"{s.Exponent}", Place("EXPONENT", 512)),
            Reserved(s),
        };

        BigInteger modulus = Number(s.Modulus);
        BigInteger signature = Number(s.Signature);
        bool inRange = !signature.IsZero && signature < modulus;
        (BigInteger q1, BigInteger q2) = inRange ? SigstructVerifier.Quotients(signature, modulus) : (BigInteger.Zero, BigInteger.Zero);
        checks.Add(Quotient("q1", "Q1", 1040, q1, s.Q1));
        checks.Add(Quotient("q2", "Q2", 1424, q2, s.Q2));

        // With the right quotients only the signature itself can be wrong.
        Put(q1, patched.Q1);
        Put(q2, patched.Q2);
        checks.Add(Signature(inRange ? SigstructVerifier.CheckSignature(SigstructText.Bytes(in patched))
            : SigstructDefect.SignatureRange, in patched));
        return checks;

        string Place(string field, int offset) => $"{field}, SIGSTRUCT offset {offset}, file offset 0x{fileOffset + offset:x}";

        Check Constant(string name, string field, int offset, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> found)
            => new(name, expected.SequenceEqual(found), Convert.ToHexStringLower(expected), Convert.ToHexStringLower(found),
                Place(field, offset));

        Check Reserved(in Sigstruct of)
        {
            ReadOnlySpan<byte> bytes = SigstructText.Bytes(in of);
            foreach ((int start, int end) in (ReadOnlySpan<(int, int)>)[(44, 128), (908, 912), (992, 1008), (1028, 1040)])
            {
                int at = bytes[start..end].IndexOfAnyExcept((byte)0);
                if (at >= 0)
                {
                    return new Check("reserved", false, "00", $"{bytes[start + at]:x2}",
                        Place(SigstructText.FieldAt(start + at), start + at));
                }
            }

            return new Check("reserved", true, "all zero", "all zero", Place("reserved bytes", 44));
        }

        Check Quotient(string name, string field, int offset, BigInteger expected, ReadOnlySpan<byte> found)
        {
            Span<byte> bytes = stackalloc byte[KeySize];
            Put(expected, bytes);
            bool passed = inRange && bytes.SequenceEqual(found);
            int at = bytes.CommonPrefixLength(found);
            return new Check(
                name,
                passed,
                passed || at == KeySize ? "the quotient"
                : $"{Convert.ToHexStringLower(bytes.Slice(at, Math.Min(8, KeySize - at)))} from byte {at}",
                passed ? "the quotient" : !inRange ? "no quotient: SIGNATURE is not below MODULUS"
                : $"{Convert.ToHexStringLower(found.Slice(at, Math.Min(8, KeySize - at)))} from byte {at}",
                Place(field, offset));
        }

        Check Signature(SigstructDefect defect, in Sigstruct of)
        {
            if (defect == SigstructDefect.None)
            {
                Span<byte> digest = stackalloc byte[32];
                SigstructVerifier.SignedDigest(SigstructText.Bytes(in of), digest);
                string right = $"PKCS #1 v1.5 of SHA-256 {Convert.ToHexStringLower(digest)}";
                return new("signature", true, right, right, Place("SIGNATURE", 516));
            }

            // With its own quotients: they tell a bit of MODULUS or SIGNATURE that was changed.
            Sigstruct searched = defect == SigstructDefect.Digest ? of : s;
            if (SigstructDamage.Find(in searched) is { } damage)
            {
                return new("signature", false, $"{damage.Signed:x2}, as it was signed", $"{damage.Found:x2}",
                    Place(damage.Field, damage.Offset));
            }

            return defect switch
            {
                SigstructDefect.SignatureRange =>
                    new("signature", false, "between 1 and MODULUS - 1", "0, or MODULUS or more", Place("SIGNATURE", 516)),
                SigstructDefect.Digest =>
                    new("signature", false, "the digest in the signature",
                        "another: more than one byte of bytes 0 to 127 or 900 to 1027 was changed after signing",
                        Place("header and body", 0)),
                _ => new("signature", false, "SIGNATURE^3 mod MODULUS as PKCS #1 v1.5 pads SHA-256",
                    "not padded so: MODULUS or SIGNATURE is not the signer's", Place("MODULUS and SIGNATURE", 128)),
            };
        }
    }

    private static BigInteger Number(ReadOnlySpan<byte> littleEndian) => new(littleEndian, isUnsigned: true);

    private static void Put(BigInteger value, Span<byte> littleEndian)
    {
        littleEndian.Clear();
        if (value.GetByteCount(isUnsigned: true) <= littleEndian.Length)
        {
            value.TryWriteBytes(littleEndian, out _, isUnsigned: true);
        }
    }
}
