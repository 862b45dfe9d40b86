using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Attestation.Quotes;

namespace Cloister.Attestation.Collaterals;

/// <summary>The identity that a quoting or verifying enclave must have, version 2. Intel, "Get SGX QE Identity" of the provisioning certification service.</summary>
public sealed record EnclaveIdentity
{
    /// <summary>The name of the object that is signed.</summary>
    public const string Member = "enclaveIdentity";

    /// <summary>When it was issued.</summary>
    public required DateTimeOffset Issued { get; init; }

    /// <summary>When there will be another.</summary>
    public required DateTimeOffset Next { get; init; }

    /// <summary>QE or QVE.</summary>
    public required string Id { get; init; }

    /// <summary>MISCSELECT, 4 bytes, and which of its bits count.</summary>
    public (string Value, string Mask) Miscselect { get; init; } = ("00000000", "FFFFFFFF");

    /// <summary>ATTRIBUTES, 16 bytes, and which of its bits count: not MODE64BIT, and none of XFRM.</summary>
    public (string Value, string Mask) Attributes { get; init; } = ("11000000000000000000000000000000", "FBFFFFFFFFFFFFFF0000000000000000");

    /// <summary>MRSIGNER.</summary>
    public string Mrsigner { get; init; } = EnclaveIdentities.Mrsigner.ToUpperInvariant();

    /// <summary>ISVPRODID.</summary>
    public ushort Isvprodid { get; init; } = 1;

    /// <summary>From which ISVSVN on there is which status, from new to old.</summary>
    public required IReadOnlyList<(ushort Isvsvn, TcbStatus Status, IReadOnlyList<string> Advisories)> Levels { get; init; }

    /// <summary>The levels that give Cloister's quoting enclave a status.</summary>
    public static IReadOnlyList<(ushort Isvsvn, TcbStatus Status, IReadOnlyList<string> Advisories)> LevelsFor(TcbStatus status) => status switch
    {
        TcbStatus.UpToDate => [(EnclaveIdentities.QuotingIsvsvn, status, [])],
        TcbStatus.NotSupported => [(EnclaveIdentities.QuotingIsvsvn + 1, TcbStatus.UpToDate, [])],
        _ => [(EnclaveIdentities.QuotingIsvsvn + 1, TcbStatus.UpToDate, []), (EnclaveIdentities.QuotingIsvsvn, status, [])],
    };

    internal SignedText Sign(ECDsa key) => SignedText.Of(key, writer =>
    {
        writer.WriteString("id", Id);
        writer.WriteNumber("version", 2);
        writer.WriteString("issueDate", TcbInfo.Time(Issued));
        writer.WriteString("nextUpdate", TcbInfo.Time(Next));
        writer.WriteNumber("tcbEvaluationDataNumber", 17);
        writer.WriteString("miscselect", Miscselect.Value);
        writer.WriteString("miscselectMask", Miscselect.Mask);
        writer.WriteString("attributes", Attributes.Value);
        writer.WriteString("attributesMask", Attributes.Mask);
        writer.WriteString("mrsigner", Mrsigner);
        writer.WriteNumber("isvprodid", Isvprodid);
        writer.WriteStartArray("tcbLevels");
        foreach ((ushort isvsvn, TcbStatus status, IReadOnlyList<string> advisories) in Levels)
        {
            writer.WriteStartObject();
            writer.WriteStartObject("tcb");
            writer.WriteNumber("isvsvn", isvsvn);
            writer.WriteEndObject();
            TcbInfo.Status(writer, status, advisories);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    /// <summary>Reads one.</summary>
    /// <exception cref="AttestationException">It is none.</exception>
    public static EnclaveIdentity Parse(string json) => TcbInfo.Reading("the identity", json, root => new EnclaveIdentity
    {
        Issued = TcbInfo.Moment(root, "issueDate"),
        Next = TcbInfo.Moment(root, "nextUpdate"),
        Id = TcbInfo.Text(root, "id"),
        Miscselect = (Hex(root, "miscselect", 4), Hex(root, "miscselectMask", 4)),
        Attributes = (Hex(root, "attributes", 16), Hex(root, "attributesMask", 16)),
        Mrsigner = Hex(root, "mrsigner", 32),
        Isvprodid = root.GetProperty("isvprodid").GetUInt16(),
        Levels = [.. root.GetProperty("tcbLevels").EnumerateArray().Select(level => (level.GetProperty("tcb").GetProperty("isvsvn").GetUInt16(), TcbInfo.ParseStatus(level), TcbInfo.Advisories(level)))],
    });

    private static string Hex(JsonElement root, string name, int length) =>
        TcbInfo.Text(root, name) is var text && HexText.IsBytes(text, length) ? text.ToUpperInvariant() : throw new AttestationException($"the identity's {name} is not {2 * length} hexadecimal digits");
}
