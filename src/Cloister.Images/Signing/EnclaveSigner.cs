using System.Security.Cryptography;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>Signs enclave files: what a format's own signer, its loader and EINIT accept.</summary>
public static class EnclaveSigner
{
    // How far back a signature made elsewhere is looked for when its date is not told.
    private const int DaysBack = 3660;

    /// <summary>Where a file of this format takes its SIGSTRUCT.</summary>
    public static bool HoldsSigstruct(EnclaveImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return image.Format is ImageFormat.IntelSdkElf or ImageFormat.IntelSdkPe or ImageFormat.OpenEnclave;
    }

    /// <summary>What a signer would choose who is told nothing: the choices of the last signature, or of the format.</summary>
    public static SigningParameters DefaultParameters(EnclaveVariant variant)
    {
        ArgumentNullException.ThrowIfNull(variant);
        if (variant.Sigstruct is { } sigstruct)
        {
            return SigningParameters.From(in sigstruct);
        }

        return variant.Signing ?? new SigningParameters();
    }

    /// <summary>The unsigned SIGSTRUCT of one enclave of a file, its content measured.</summary>
    /// <exception cref="ImageException">The file does not hold the pages, or is not whole.</exception>
    public static Sigstruct Prepare(
        EnclaveImage image,
        EnclaveVariant variant,
        SigningParameters parameters,
        DateOnly date,
        IProgress<ulong>? progress = null,
        CancellationToken cancellation = default)
    {
        MeasureResult measured = EnclaveMeasurer.Measure(image, variant, null, progress, cancellation);
        return SigstructSigner.Prepare(parameters, measured.Mrenclave.Span, date);
    }

    /// <summary>Puts in a signature that was made elsewhere, of a day that need not be told: it is looked for.</summary>
    /// <param name="prepared">With today's date or the one that was told.</param>
    /// <param name="signature">384 bytes, big-endian.</param>
    /// <param name="modulus">384 bytes, big-endian.</param>
    /// <param name="searchDate">Whether the days before are tried too.</param>
    /// <exception cref="CryptographicException">It is no signature of this enclave with these choices by that key.</exception>
    public static Sigstruct Complete(in Sigstruct prepared, ReadOnlySpan<byte> signature, ReadOnlySpan<byte> modulus, bool searchDate)
    {
        if (!searchDate || SigstructText.ReadDate(prepared.Date, out _) is not { } day)
        {
            return SigstructSigner.Complete(in prepared, signature, modulus);
        }

        using var key = RSA.Create(new RSAParameters { Modulus = modulus.ToArray(), Exponent = [3] });
        Sigstruct candidate = prepared;
        var today = DateOnly.FromDateTime(DateTime.UtcNow);
        day = day > today ? day : today;
        for (int i = -1; i < DaysBack; i++)
        {
            candidate.Date = i < 0 ? prepared.Date : SigstructSigner.Bcd(day.AddDays(-i));
            if (key.VerifyHash(SigstructSigner.Digest(in candidate), signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))
            {
                return SigstructSigner.Complete(in candidate, signature, modulus);
            }
        }

        // Fails and says why.
        return SigstructSigner.Complete(in prepared, signature, modulus);
    }

    /// <summary>
    /// Copies the file and puts the SIGSTRUCTs in their places, or writes the SIGSTRUCT alone where the format keeps it apart.
    /// </summary>
    /// <param name="image">The file.</param>
    /// <param name="signed">The enclaves of it and their new SIGSTRUCTs.</param>
    /// <param name="outputPath">Where the result goes. It may not be the file itself.</param>
    /// <exception cref="ImageException">The file has no place for it.</exception>
    public static void Write(EnclaveImage image, IReadOnlyList<(EnclaveVariant Variant, Sigstruct Sigstruct)> signed, string outputPath)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(signed);
        if (!HoldsSigstruct(image))
        {
            Sigstruct only = signed.Count == 1 ? signed[0].Sigstruct
                : throw new ImageException("a file with one enclave has one SIGSTRUCT");
            WriteWhole(outputPath, output => output.Write(SigstructText.Bytes(in only)));
            return;
        }

        WriteWhole(outputPath, output =>
        {
            Copy(image.Source, output);
            foreach ((EnclaveVariant variant, Sigstruct sigstruct) in signed)
            {
                output.Position = variant.SigstructPlace ?? throw new ImageException($"{variant.Name} has no place for a SIGSTRUCT");
                output.Write(SigstructText.Bytes(in sigstruct));
            }
        });
    }

    // The result appears whole or not at all.
    private static void WriteWhole(string path, Action<FileStream> write)
    {
        string temporary = path + ".part";
        try
        {
            using (var output = new FileStream(temporary, FileMode.Create, FileAccess.ReadWrite))
            {
                write(output);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static void Copy(ByteSource source, FileStream output)
    {
        byte[] buffer = new byte[1 << 16];
        for (long at = 0; at < source.Length; at += buffer.Length)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, source.Length - at));
            source.Read(at, part);
            output.Write(part);
        }
    }
}
