using System.Text;
using System.Text.Json;

namespace Cloister.Attestation.Collaterals;

/// <summary>What a verifier needs beside a quote and a root.</summary>
/// <param name="PckCrlChain">PEM: who issues PCK certificates, and the root.</param>
/// <param name="RootCrl">DER.</param>
/// <param name="PckCrl">DER.</param>
/// <param name="TcbInfoChain">PEM: who signs TCB information, and the root.</param>
/// <param name="TcbInfo">TCB information.</param>
/// <param name="IdentityChain">PEM: who signs identities, and the root.</param>
/// <param name="Identity">The quoting enclave's identity.</param>
public sealed record Collateral(string PckCrlChain, byte[] RootCrl, byte[] PckCrl, string TcbInfoChain, SignedText TcbInfo,
    string IdentityChain, SignedText Identity)
{
    /// <summary>JSON with the members that verifiers' libraries have: strings, lists in hexadecimal digits.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteString("pck_crl_issuer_chain", PckCrlChain);
        writer.WriteString("root_ca_crl", Convert.ToHexStringLower(RootCrl));
        writer.WriteString("pck_crl", Convert.ToHexStringLower(PckCrl));
        writer.WriteString("tcb_info_issuer_chain", TcbInfoChain);
        writer.WriteString("tcb_info", TcbInfo.Body);
        writer.WriteString("tcb_info_signature", TcbInfo.Signature);
        writer.WriteString("qe_identity_issuer_chain", IdentityChain);
        writer.WriteString("qe_identity", Identity.Body);
        writer.WriteString("qe_identity_signature", Identity.Signature);
    }

    /// <summary>Reads such JSON.</summary>
    /// <exception cref="AttestationException">It is none.</exception>
    public static Collateral Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            return new Collateral(
                Text(root, "pck_crl_issuer_chain"),
                Hex(root, "root_ca_crl"),
                Hex(root, "pck_crl"),
                Text(root, "tcb_info_issuer_chain"),
                new SignedText(Text(root, "tcb_info"), Text(root, "tcb_info_signature")),
                Text(root, "qe_identity_issuer_chain"),
                new SignedText(Text(root, "qe_identity"), Text(root, "qe_identity_signature")));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            throw new AttestationException("it is no JSON text of collateral", e);
        }
    }

    private static string Text(JsonElement root, string name) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out JsonElement value) && value.GetString() is { } text
        ? text
        : throw new AttestationException($"it has no member {name}");

    private static byte[] Hex(JsonElement root, string name) =>
        HexText.Parse(Text(root, name)) ?? throw new AttestationException($"its member {name} is not of hexadecimal digits");
}
