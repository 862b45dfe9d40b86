using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>Verifies a SIGSTRUCT as EINIT does. SDM 3D, EINIT and SIGSTRUCT.</summary>
public static class SigstructVerifier
{
    private const int KeySize = 384;

    // PKCS #1 v1.5 (RFC 8017, 9.2): DigestInfo of SHA-256.
    private static ReadOnlySpan<byte> Sha256DigestInfo =>
        [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

    /// <summary>Checks the constants and the reserved bytes: what EINIT answers with SGX_INVALID_SIG_STRUCT.</summary>
    /// <param name="sigstruct">1808 bytes.</param>
    public static SigstructDefect CheckFormat(ReadOnlySpan<byte> sigstruct)
    {
        if (sigstruct.Length != Sigstruct.SizeInBytes)
        {
            return SigstructDefect.Length;
        }

        Sigstruct of = MemoryMarshal.Read<Sigstruct>(sigstruct);
        if (!((ReadOnlySpan<byte>)of.Header).SequenceEqual(Sigstruct.ExpectedHeader))
        {
            return SigstructDefect.Header;
        }

        if (of.Vendor is not (0 or 0x8086))
        {
            return SigstructDefect.Vendor;
        }

        if (!((ReadOnlySpan<byte>)of.Header2).SequenceEqual(Sigstruct.ExpectedHeader2))
        {
            return SigstructDefect.Header2;
        }

        if (of.Exponent != 3)
        {
            return SigstructDefect.Exponent;
        }

        bool reserved = Zero.Is(of.Reserved1) && of.Reserved2 == 0 && Zero.Is(of.Reserved3) && Zero.Is(of.Reserved4);

        // The CET fields are reserved on a processor without CET. SDM 3D, SIGSTRUCT.
        return reserved && of.CetAttributes == 0 && of.CetAttributesMask == 0 ? SigstructDefect.None : SigstructDefect.Reserved;
    }

    /// <summary>Checks the signature with Q1 and Q2: what EINIT answers with SGX_INVALID_SIGNATURE.</summary>
    /// <param name="sigstruct">1808 bytes.</param>
    public static SigstructDefect CheckSignature(ReadOnlySpan<byte> sigstruct)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(sigstruct.Length, Sigstruct.SizeInBytes);
        Sigstruct of = MemoryMarshal.Read<Sigstruct>(sigstruct);
        BigInteger modulus = Number(of.Modulus);
        BigInteger signature = Number(of.Signature);
        if (signature.IsZero || signature >= modulus)
        {
            return SigstructDefect.SignatureRange;
        }

        // SDM 3D, EINIT: the two quotients spare the processor the division, so they must be exact.
        BigInteger square = (signature * signature) - (Number(of.Q1) * modulus);
        if (square.Sign < 0 || square >= modulus)
        {
            return SigstructDefect.Q1;
        }

        BigInteger cube = (square * signature) - (Number(of.Q2) * modulus);
        if (cube.Sign < 0 || cube >= modulus)
        {
            return SigstructDefect.Q2;
        }

        Span<byte> message = stackalloc byte[KeySize];
        message.Clear();
        cube.TryWriteBytes(message[(KeySize - cube.GetByteCount(isUnsigned: true))..], out _, isUnsigned: true, isBigEndian: true);
        int digestAt = KeySize - SHA256.HashSizeInBytes;
        int infoAt = digestAt - Sha256DigestInfo.Length;
        bool padded = message[0] == 0 && message[1] == 1
            && message[2..(infoAt - 1)].IndexOfAnyExcept((byte)0xff) < 0
            && message[infoAt - 1] == 0
            && message[infoAt..digestAt].SequenceEqual(Sha256DigestInfo);
        if (!padded)
        {
            return SigstructDefect.Padding;
        }

        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SignedDigest(sigstruct, digest);
        return message[digestAt..].SequenceEqual(digest) ? SigstructDefect.None : SigstructDefect.Digest;
    }

    /// <summary>SHA-256 of what is signed: the header and the body. SDM 3D, SIGSTRUCT.</summary>
    public static void SignedDigest(ReadOnlySpan<byte> sigstruct, Span<byte> digest)
    {
        Span<byte> signed = stackalloc byte[256];
        sigstruct[..Sigstruct.HeaderEnd].CopyTo(signed);
        sigstruct[Sigstruct.BodyOffset..Sigstruct.BodyEnd].CopyTo(signed[128..]);
        SHA256.HashData(signed, digest);
    }

    /// <summary>MRSIGNER: SHA-256 of the modulus as it stands, little-endian.</summary>
    public static void Mrsigner(ReadOnlySpan<byte> sigstruct, Span<byte> mrsigner)
        => SHA256.HashData(sigstruct.Slice(Sigstruct.HeaderEnd, KeySize), mrsigner);

    /// <summary>Q1 and Q2 of a signature, for those who sign.</summary>
    public static (BigInteger Q1, BigInteger Q2) Quotients(BigInteger signature, BigInteger modulus)
    {
        BigInteger q1 = BigInteger.DivRem(signature * signature, modulus, out BigInteger rest);
        return (q1, rest * signature / modulus);
    }

    private static BigInteger Number(ReadOnlySpan<byte> littleEndian) => new(littleEndian, isUnsigned: true);
}
