using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Attestation.Platforms;

namespace Cloister.Attestation.Collaterals;

/// <summary>
/// The identity that a quoting or verifying enclave must have, version 2. Intel, "Get SGX QE Identity" of the provisioning certification
/// service.
/// </summary>
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
    public required (string Value, string Mask) Miscselect { get; init; }

    /// <summary>ATTRIBUTES, 16 bytes, and which of its bits count.</summary>
    public required (string Value, string Mask) Attributes { get; init; }

    /// <summary>MRSIGNER.</summary>
    public required string Mrsigner { get; init; }

    /// <summary>ISVPRODID.</summary>
    public required ushort Isvprodid { get; init; }

    /// <summary>From which ISVSVN on there is which status, from new to old.</summary>
    public required IReadOnlyList<(ushort Isvsvn, TcbStatus Status, IReadOnlyList<string> Advisories)> Levels { get; init; }

    /// <summary>The identity of an enclave. MODE64BIT does not count, and none of XFRM, as in Intel's.</summary>
    /// <param name="id">QE or QVE.</param>
    /// <param name="enclave">The enclave.</param>
    /// <param name="status">The status that it has.</param>
    /// <param name="issued">When it was issued.</param>
    /// <param name="next">When there will be another.</param>
    public static EnclaveIdentity Of(string id, ArchitecturalEnclave enclave, TcbStatus status, DateTimeOffset issued, DateTimeOffset next)
    {
        ArgumentNullException.ThrowIfNull(enclave);
        string noXfrm = new('0', 16);
        return new EnclaveIdentity
        {
            Issued = issued,
            Next = next,
            Id = id,
            Miscselect = (Text(ArchitecturalEnclave.Text(enclave.Miscselect & enclave.Miscmask)),
                Text(ArchitecturalEnclave.Text(enclave.Miscmask))),
            Attributes = (Text(ArchitecturalEnclave.Text(enclave.Attributes & enclave.AttributesMask)) + noXfrm,
                Text(ArchitecturalEnclave.Text(enclave.AttributesMask)) + noXfrm),
            Mrsigner = Text(enclave.Mrsigner),
            Isvprodid = enclave.Isvprodid,
            Levels = LevelsFor(enclave.Isvsvn, status),
        };

        static string Text(string digits) => digits.ToUpperInvariant();
    }

    // The levels that give a version a status. Above the last version there is none that could be newer.
    private static (ushort Isvsvn, TcbStatus Status, IReadOnlyList<string> Advisories)[] LevelsFor(ushort isvsvn, TcbStatus status)
    {
        (ushort, TcbStatus, IReadOnlyList<string>)[] newer = isvsvn == ushort.MaxValue ? []
            : [((ushort)(isvsvn + 1), TcbStatus.UpToDate, [])], own = [(isvsvn, status, [])];
        return status switch
        {
            TcbStatus.UpToDate => own,
            TcbStatus.NotSupported => newer,
            _ => [.. newer, .. own],
        };
    }

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
        Levels = [.. root.GetProperty("tcbLevels").EnumerateArray()
            .Select(level =>
                (level.GetProperty("tcb").GetProperty("isvsvn").GetUInt16(), TcbInfo.ParseStatus(level), TcbInfo.Advisories(level)))],
    });

    private static string Hex(JsonElement root, string name, int length) =>
        TcbInfo.Text(root, name) is var text && HexText.IsBytes(text, length) ? text.ToUpperInvariant()
        : throw new AttestationException($"the identity's {name} is not {2 * length} hexadecimal digits");
}
