using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Images;

/// <summary>Makes SIGSTRUCTs. SDM 3D, "ENCLAVE SIGNATURE STRUCTURE (SIGSTRUCT)".</summary>
public static class SigstructSigner
{
    /// <summary>Bytes that are signed: the header and the body.</summary>
    public const int DataSize = 256;

    private const int KeySize = 384;
    private const int KeyBits = 3072;

    /// <summary>An unsigned SIGSTRUCT with its constants, the date and what the signer chose.</summary>
    public static Sigstruct Prepare(SigningParameters parameters, ReadOnlySpan<byte> mrenclave, DateOnly date)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfNotEqual(mrenclave.Length, 32);
        Sigstruct s = default;
        Sigstruct.ExpectedHeader.CopyTo(s.Header);
        Sigstruct.ExpectedHeader2.CopyTo(s.Header2);
        s.Vendor = parameters.Vendor;
        s.Date = Bcd(date);
        s.Swdefined = parameters.Swdefined;
        s.Exponent = 3;
        s.Miscselect = parameters.Miscselect & parameters.Miscmask;
        s.Miscmask = parameters.Miscmask;
        s.Attributes = parameters.Attributes;
        s.Attributemask = parameters.Attributemask;
        s.Isvprodid = parameters.Isvprodid;
        s.Isvsvn = parameters.Isvsvn;
        Copy(parameters.Isvfamilyid, s.Isvfamilyid, nameof(parameters.Isvfamilyid));
        Copy(parameters.Isvextprodid, s.Isvextprodid, nameof(parameters.Isvextprodid));
        mrenclave.CopyTo(s.Enclavehash);
        return s;
    }

    /// <summary>yyyymmdd in BCD.</summary>
    public static uint Bcd(DateOnly date) =>
        uint.Parse(date.ToString("yyyyMMdd", CultureInfo.InvariantCulture), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>The 256 bytes that are signed: what an offline signer gets.</summary>
    public static byte[] SignedData(in Sigstruct sigstruct)
    {
        ReadOnlySpan<byte> bytes = SigstructText.Bytes(in sigstruct);
        return [.. bytes[..Sigstruct.HeaderEnd], .. bytes[Sigstruct.BodyOffset..Sigstruct.BodyEnd]];
    }

    /// <summary>SHA-256 of <see cref="SignedData"/>: what an HSM that wants a digest gets.</summary>
    public static byte[] Digest(in Sigstruct sigstruct) => SHA256.HashData(SignedData(in sigstruct));

    /// <summary>Signs with a key at hand.</summary>
    /// <param name="sigstruct">As <see cref="Prepare"/> made it.</param>
    /// <param name="key">RSA, 3072 bits, public exponent 3.</param>
    /// <exception cref="CryptographicException">The key is not of that kind.</exception>
    public static Sigstruct Sign(in Sigstruct sigstruct, RSA key)
    {
        ArgumentNullException.ThrowIfNull(key);
        byte[] modulus = Modulus(key);
        byte[] signature = key.SignHash(Digest(in sigstruct), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return Complete(in sigstruct, signature, modulus);
    }

    /// <summary>Puts in a signature that was made elsewhere.</summary>
    /// <param name="sigstruct">As <see cref="Prepare"/> made it.</param>
    /// <param name="signature">384 bytes, big-endian, as RSA tools write it.</param>
    /// <param name="modulus">384 bytes, big-endian.</param>
    /// <exception cref="CryptographicException">It is no signature of this SIGSTRUCT by that key.</exception>
    public static Sigstruct Complete(in Sigstruct sigstruct, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> modulus)
    {
        if (signature.Length != KeySize || modulus.Length != KeySize)
        {
            throw new CryptographicException(
                $"signature and modulus have {KeySize} bytes each, not {signature.Length} and {modulus.Length}");
        }

        Sigstruct s = sigstruct;
        var n = new BigInteger(modulus, isUnsigned: true, isBigEndian: true);
        var value = new BigInteger(signature, isUnsigned: true, isBigEndian: true);
        if (value >= n)
        {
            throw new CryptographicException("the signature is not below the modulus: it is not that key's");
        }

        Put(n, s.Modulus);
        Put(value, s.Signature);
        (BigInteger q1, BigInteger q2) = SigstructVerifier.Quotients(value, n);
        Put(q1, s.Q1);
        Put(q2, s.Q2);
        SigstructDefect defect = SigstructVerifier.CheckSignature(SigstructText.Bytes(in s));
        return defect switch
        {
            SigstructDefect.None => s,
            SigstructDefect.Digest =>
                throw new CryptographicException(
                    "the signature is that key's, but of other data: another file, other options or another date"),
            _ => throw new CryptographicException("the signature is not that key's, or not PKCS #1 v1.5 with SHA-256 and exponent 3"),
        };
    }

    /// <summary>The modulus, 384 bytes, big-endian, of a key that SGX can use.</summary>
    /// <exception cref="CryptographicException">It has not 3072 bits or its exponent is not 3.</exception>
    public static byte[] Modulus(RSA key)
    {
        ArgumentNullException.ThrowIfNull(key);
        RSAParameters parameters = key.ExportParameters(includePrivateParameters: false);
        var exponent = new BigInteger(parameters.Exponent, isUnsigned: true, isBigEndian: true);
        return key.KeySize == KeyBits && parameters.Modulus is { Length: KeySize } modulus && exponent == 3
            ? modulus
            : throw new CryptographicException(
                $"SGX needs an RSA key of {KeyBits} bits with exponent 3; this one has {key.KeySize} bits and exponent {exponent} (openssl genrsa -3 -out key.pem {KeyBits})");
    }

    private static void Put(BigInteger value, Span<byte> littleEndian)
    {
        littleEndian.Clear();
        value.TryWriteBytes(littleEndian, out _, isUnsigned: true);
    }

    private static void Copy(ReadOnlyMemory<byte> from, Span<byte> to, string what)
    {
        if (from.Length != 0 && from.Length != to.Length)
        {
            throw new ArgumentException($"{what} has {to.Length} bytes", what);
        }

        from.Span.CopyTo(to);
    }
}
