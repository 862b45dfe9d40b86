using System.Security.Cryptography;

namespace Cloister.Attestation.Certificates;

/// <summary>Texts of several PEM blocks.</summary>
internal static class PemText
{
    /// <summary>The blocks, each with its lines of begin and end.</summary>
    public static List<string> Blocks(ReadOnlySpan<char> text)
    {
        List<string> blocks = [];
        while (PemEncoding.TryFind(text, out PemFields fields))
        {
            blocks.Add(text[fields.Location].ToString());
            text = text[fields.Location.End..];
        }

        return blocks;
    }

    /// <summary>The DER of the certificates in a text.</summary>
    public static List<byte[]> Certificates(ReadOnlySpan<char> text)
    {
        List<byte[]> certificates = [];
        while (PemEncoding.TryFind(text, out PemFields fields))
        {
            if (text[fields.Label] is "CERTIFICATE")
            {
                byte[] der = new byte[fields.DecodedDataLength];
                _ = Convert.TryFromBase64Chars(text[fields.Base64Data], der, out _);
                certificates.Add(der);
            }

            text = text[fields.Location.End..];
        }

        return certificates;
    }
}
