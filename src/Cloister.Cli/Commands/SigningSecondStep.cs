using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>
/// Puts signatures that were made elsewhere where they belong: each enclave of the file gets the one that is of it, and none is left
/// without.
/// </summary>
internal static class SigningSecondStep
{
    /// <summary>The signed SIGSTRUCTs.</summary>
    /// <exception cref="ImageException">An enclave has no signature, or a signature no enclave.</exception>
    public static List<(EnclaveVariant Variant, Sigstruct Sigstruct)> Complete(
        List<(EnclaveVariant Variant, Sigstruct Sigstruct)> prepared, FileInfo[] files, byte[] modulus, bool searchDate)
    {
        byte[][] signatures = [.. files.Select(InputFile.Bytes)];
        bool[] used = new bool[files.Length];
        var known = new Dictionary<string, Sigstruct>();
        var signed = new List<(EnclaveVariant Variant, Sigstruct Sigstruct)>();
        foreach ((EnclaveVariant variant, Sigstruct sigstruct) in prepared)
        {
            string digest = Convert.ToHexString(SigstructSigner.Digest(in sigstruct));
            if (!known.TryGetValue(digest, out Sigstruct complete))
            {
                complete = Find(variant, in sigstruct, signatures, used, modulus, searchDate, alone: prepared.Count == 1);
                known.Add(digest, complete);
            }

            signed.Add((variant, complete));
        }

        int idle = Array.IndexOf(used, false);
        return idle < 0 ? signed : throw new ImageException($"{files[idle]}: a signature that no enclave of the file needs");
    }

    private static Sigstruct Find(EnclaveVariant variant, in Sigstruct sigstruct, byte[][] signatures, bool[] used, byte[] modulus,
        bool searchDate, bool alone)
    {
        CryptographicException? reason = null;
        for (int i = 0; i < signatures.Length; i++)
        {
            try
            {
                Sigstruct complete = EnclaveSigner.Complete(in sigstruct, signatures[i], modulus, searchDate);
                used[i] = true;
                return complete;
            }
            catch (CryptographicException e)
            {
                reason = e;
            }
        }

        string cure = alone ? ""
            : "; each enclave of the file needs its own where the first step asked for several, and --metadata takes one of them";
        throw new ImageException($"{(alone ? "" : $"{variant.Name}: ")}{reason?.Message ?? "no signature"}{cure}");
    }
}
