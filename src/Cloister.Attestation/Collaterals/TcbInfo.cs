using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Attestation.Platforms;

namespace Cloister.Attestation.Collaterals;

/// <summary>TCB information, version 3. Intel, "Get SGX TCB Info" of the provisioning certification service.</summary>
public sealed record TcbInfo
{
    /// <summary>The name of the object that is signed.</summary>
    public const string Member = "tcbInfo";

    private const string LevelDate = "2024-03-13T00:00:00Z";

    /// <summary>When it was issued.</summary>
    public required DateTimeOffset Issued { get; init; }

    /// <summary>When there will be another.</summary>
    public required DateTimeOffset Next { get; init; }

    /// <summary>For which platforms.</summary>
    public required string Fmspc { get; init; }

    /// <summary>For which PCE.</summary>
    public required string Pceid { get; init; }

    /// <summary>The levels, from new to old.</summary>
    public required IReadOnlyList<TcbLevel> Levels { get; init; }

    /// <summary>The first level that a version covers; null when there is none.</summary>
    public TcbLevel? LevelOf(TcbVersion version) => Levels.FirstOrDefault(level => version.Covers(level.Version));

    internal SignedText Sign(ECDsa key) => SignedText.Of(key, writer =>
    {
        writer.WriteString("id", "SGX");
        writer.WriteNumber("version", 3);
        writer.WriteString("issueDate", Time(Issued));
        writer.WriteString("nextUpdate", Time(Next));
        writer.WriteString("fmspc", Fmspc);
        writer.WriteString("pceId", Pceid);
        writer.WriteNumber("tcbType", 0);
        writer.WriteNumber("tcbEvaluationDataNumber", 17);
        writer.WriteStartArray("tcbLevels");
        foreach (TcbLevel level in Levels)
        {
            writer.WriteStartObject();
            writer.WriteStartObject("tcb");
            writer.WriteStartArray("sgxtcbcomponents");
            foreach (byte component in level.Version.Components)
            {
                writer.WriteStartObject();
                writer.WriteNumber("svn", component);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteNumber("pcesvn", level.Version.Pcesvn);
            writer.WriteEndObject();
            Status(writer, level.Status, level.Advisories);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    /// <summary>Reads one.</summary>
    /// <exception cref="AttestationException">It is none for SGX.</exception>
    public static TcbInfo Parse(string json) => Reading("TCB information", json, root => new TcbInfo
    {
        Issued = Moment(root, "issueDate"),
        Next = Moment(root, "nextUpdate"),
        Fmspc = Text(root, "fmspc").ToUpperInvariant(),
        Pceid = Text(root, "pceId"),
        Levels = [.. root.GetProperty("tcbLevels").EnumerateArray().Select(level =>
        {
            JsonElement tcb = level.GetProperty("tcb");
            byte[] components = [.. tcb.GetProperty("sgxtcbcomponents").EnumerateArray()
                .Select(component => component.GetProperty("svn").GetByte())];
            return components.Length == 16
                ? new TcbLevel(new TcbVersion(Convert.ToHexStringLower(components), tcb.GetProperty("pcesvn").GetUInt16()),
                    ParseStatus(level), Advisories(level))
                : throw new AttestationException($"a level of TCB information has {components.Length} components and not 16");
        })],
    });

    internal static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    internal static void Status(Utf8JsonWriter writer, TcbStatus status, IReadOnlyList<string> advisories)
    {
        writer.WriteString("tcbDate", LevelDate);
        writer.WriteString("tcbStatus", status.ToString());
        if (advisories.Count > 0)
        {
            writer.WriteStartArray("advisoryIDs");
            foreach (string advisory in advisories)
            {
                writer.WriteStringValue(advisory);
            }

            writer.WriteEndArray();
        }
    }

    internal static T Reading<T>(string what, string json, Func<JsonElement, T> take)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return take(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException
            or OverflowException)
        {
            throw new AttestationException($"{what} is not as it has to be", e);
        }
    }

    internal static DateTimeOffset Moment(JsonElement root, string name) => root.GetProperty(name).GetDateTimeOffset();

    internal static string Text(JsonElement root, string name) =>
        root.GetProperty(name).GetString() ?? throw new AttestationException($"its member {name} is null");

    internal static TcbStatus ParseStatus(JsonElement level) =>
        Enum.TryParse(Text(level, "tcbStatus"), out TcbStatus status) && status != TcbStatus.NotSupported && Enum.IsDefined(status) ? status
        : throw new AttestationException($"{Text(level, "tcbStatus")} is no status of a TCB level");

    internal static IReadOnlyList<string> Advisories(JsonElement level) => level.TryGetProperty("advisoryIDs", out JsonElement ids)
        ? [.. ids.EnumerateArray().Select(id => id.GetString() ?? "")] : [];
}
