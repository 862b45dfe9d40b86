using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace Cloister.Images;

/// <summary>What an enclave must be, beyond a right signature. Null or empty: not asked for.</summary>
public sealed record VerificationPolicy
{
    /// <summary>MRENCLAVE must be one of these: 64 hexadecimal digits each.</summary>
    public IReadOnlyList<string> Mrenclave { get; init => field = value ?? []; } = [];

    /// <summary>MRSIGNER must be one of these: 64 hexadecimal digits each.</summary>
    public IReadOnlyList<string> Mrsigner { get; init => field = value ?? []; } = [];

    /// <summary>ISVPRODID must be this.</summary>
    public ushort? Isvprodid { get; init; }

    /// <summary>ISVSVN must be this or more.</summary>
    public ushort? MinimumIsvsvn { get; init; }

    /// <summary>False: ATTRIBUTES must not have DEBUG, and the mask must enforce that.</summary>
    public bool? AllowDebug { get; init; }

    /// <summary>False: ATTRIBUTES must not have PROVISIONKEY, and the mask must enforce that.</summary>
    public bool? AllowProvisionKey { get; init; }

    /// <summary>False: a key whose private half is public must not have signed.</summary>
    public bool? AllowTestKey { get; init; }

    /// <summary>False: no page may be writable and executable.</summary>
    public bool? AllowWritableCode { get; init; }

    /// <summary>DATE must be this day or later.</summary>
    public DateOnly? NotBefore { get; init; }

    /// <summary>Reads a policy. docs/reference/formats.md has the names.</summary>
    /// <exception cref="ImageException">It is no policy, or has a name that no policy has.</exception>
    public static VerificationPolicy Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions
            {
                AllowTrailingCommas = true,
                CommentHandling = JsonCommentHandling.Skip,
            });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new ImageException("the policy is no JSON object");
            }

            string[] unknown = [.. document.RootElement.EnumerateObject().Select(member => member.Name)
                .Except(Members, StringComparer.OrdinalIgnoreCase)];
            return unknown is [string first, ..]
                ? throw new ImageException($"a policy has no member '{first}'; it may have {string.Join(", ", Members)}")
                : document.RootElement.Deserialize(Type) ?? throw new ImageException("the policy is empty");
        }
        catch (JsonException wrong) when (wrong.Path is { Length: > 2 } path && path.StartsWith("$.", StringComparison.Ordinal))
        {
            throw new ImageException($"the policy's member '{path[2..]}' has a value that it cannot have", wrong);
        }
        catch (JsonException wrong)
        {
            throw new ImageException($"the policy is not JSON from line {wrong.LineNumber + 1}, byte {wrong.BytePositionInLine + 1} on",
                wrong);
        }
        catch (InvalidOperationException wrong)
        {
            // Half of a surrogate pair is JSON to the framework's reader, and no text.
            throw new ImageException("the policy has a text that is not Unicode", wrong);
        }
    }

    /// <summary>A JSON Schema of what <see cref="Parse"/> takes, made from this type.</summary>
    public static string JsonSchema()
    {
        var options = new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Describe };
        return Type.GetJsonSchemaAsNode(options).ToJsonString(VerificationPolicyJson.Indented);
    }

    // What the type itself does not say: which words there are, and how long a hash is.
    private static JsonNode Describe(JsonSchemaExporterContext context, JsonNode schema)
    {
        if (schema is not JsonObject described)
        {
            return schema;
        }

        if (context.PropertyInfo is null && context.Path.IsEmpty)
        {
            described.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
            described.Insert(1, "title", "A policy of cloister verify --policy");
            described["additionalProperties"] = false;
        }
        else if (context.Path.Length > 0 && context.Path[^1] == "items")
        {
            described["pattern"] = "^[0-9A-Fa-f]{64}$";
        }

        return described;
    }

    // The members and how each is read are found out at build time, so that this works compiled ahead of time and trimmed.
    private static readonly JsonTypeInfo<VerificationPolicy> Type = VerificationPolicyJson.Default.VerificationPolicy;

    private static readonly string[] Members = [.. Type.Properties.Select(property => property.Name)];
}
