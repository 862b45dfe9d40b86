using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Cloister.Cli.Looking;

/// <summary>
/// How the compiler writes and reads what a run answers; nothing is looked up at run time. docs/reference/json.md describes it.
/// </summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(MachineLook))]
[JsonSerializable(typeof(MapsLook))]
[JsonSerializable(typeof(StatsLook))]
[JsonSerializable(typeof(DumpLook))]
[JsonSerializable(typeof(RefusalLook))]
internal sealed partial class LookJson : JsonSerializerContext
{
    // Names of files are read by people.
    private static readonly LookJson s_plain = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>An answer that says why there is none.</summary>
    public static byte[] Refusal(string problem) => Bytes(new RefusalLook { Error = problem }, s_plain.RefusalLook);

    /// <summary>An answer.</summary>
    public static byte[] Bytes(MachineLook look) => Bytes(look, s_plain.MachineLook);

    /// <summary>An answer.</summary>
    public static byte[] Bytes(MapsLook look) => Bytes(look, s_plain.MapsLook);

    /// <summary>An answer.</summary>
    public static byte[] Bytes(StatsLook look) => Bytes(look, s_plain.StatsLook);

    /// <summary>An answer's line.</summary>
    public static byte[] Bytes(DumpLook look) => Bytes(look, s_plain.DumpLook);

    private static byte[] Bytes<T>(T look, JsonTypeInfo<T> type) => [.. JsonSerializer.SerializeToUtf8Bytes(look, type), (byte)'\n'];
}
