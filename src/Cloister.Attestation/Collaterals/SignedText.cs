using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Attestation.Certificates;

namespace Cloister.Attestation.Collaterals;

/// <summary>JSON that is signed: the object's very bytes, without white space, and r and s.</summary>
/// <param name="Body">The inner object.</param>
/// <param name="Signature">128 hexadecimal digits.</param>
public sealed record SignedText(string Body, string Signature)
{
    /// <summary>Writes an object and signs it.</summary>
    internal static SignedText Of(ECDsa key, Action<Utf8JsonWriter> members)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        byte[] body = bytes.ToArray();
        return new SignedText(Encoding.UTF8.GetString(body), Convert.ToHexStringLower(Signatures.Sign(key, body)));
    }

    /// <summary>As the services give it: the object under a name, and the signature.</summary>
    public string Under(string name) => $$"""{"{{name}}":{{Body}},"signature":"{{Signature}}"}""";

    /// <summary>Takes one apart, the object's bytes as they stand.</summary>
    /// <exception cref="AttestationException">It is none.</exception>
    public static SignedText Parse(string text, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return new SignedText(document.RootElement.GetProperty(name).GetRawText(), document.RootElement.GetProperty("signature")
                .GetString() ?? "");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new AttestationException($"it is no JSON text with {name} and signature", e);
        }
    }
}
