namespace Cloister.Images;

/// <summary>
/// Whether the enclaves of one file have one signer: which of them runs is the loader's choice, and what it seals belongs to its signer.
/// </summary>
public static class SignerAgreement
{
    /// <summary>What one enclave of a file shows against the one that loaders prefer; null when there is nothing to compare.</summary>
    public static Check? Of(EnclaveImage image, EnclaveVariant variant)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(variant);
        EnclaveVariant preferred = image.PreferredVariant;
        if (preferred == variant || preferred.Sigstruct is not { } first || variant.Sigstruct is not { } own)
        {
            return null;
        }

        (string expected, string found) = (SigstructText.Mrsigner(in first), SigstructText.Mrsigner(in own));
        return new Check("signer", expected == found, $"MRSIGNER {expected}, as {preferred.Name} has", found, "SHA-256 of MODULUS");
    }
}
