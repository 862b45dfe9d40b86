using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cloister.Images;

/// <summary>How a policy is read from JSON, made at build time.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true)]
[JsonSerializable(typeof(VerificationPolicy))]
internal sealed partial class VerificationPolicyJson : JsonSerializerContext
{
    /// <summary>For what people read.</summary>
    public static JsonSerializerOptions Indented { get; } = new() { WriteIndented = true };
}
