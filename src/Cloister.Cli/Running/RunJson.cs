using System.Text.Json.Serialization;

namespace Cloister.Cli.Running;

/// <summary>How the compiler writes JSON of <c>run</c>; nothing is looked up at run time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RunStatistics))]
internal sealed partial class RunJson : JsonSerializerContext;
