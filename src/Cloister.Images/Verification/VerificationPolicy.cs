using System.Text.Json;

namespace Cloister.Images;

/// <summary>What an enclave must be, beyond a right signature. Null or empty: not asked for.</summary>
public sealed record VerificationPolicy
{
    /// <summary>MRENCLAVE must be one of these: 64 hexadecimal digits each.</summary>
    public IReadOnlyList<string> Mrenclave { get; init; } = [];

    /// <summary>MRSIGNER must be one of these: 64 hexadecimal digits each.</summary>
    public IReadOnlyList<string> Mrsigner { get; init; } = [];

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
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new ImageException("the policy is no JSON object");
            }

            string[] unknown = [.. document.RootElement.EnumerateObject().Select(member => member.Name).Except(Members, StringComparer.OrdinalIgnoreCase)];
            return unknown is [string first, ..]
                ? throw new ImageException($"a policy has no member '{first}'; it may have {string.Join(", ", Members)}")
                : document.RootElement.Deserialize<VerificationPolicy>(Json) ?? throw new ImageException("the policy is empty");
        }
        catch (JsonException wrong) when (wrong.Path is { Length: > 2 } path && path.StartsWith("$.", StringComparison.Ordinal))
        {
            throw new ImageException($"the policy's member '{path[2..]}' has a value that it cannot have", wrong);
        }
        catch (JsonException wrong)
        {
            throw new ImageException($"the policy is not JSON from line {wrong.LineNumber + 1}, byte {wrong.BytePositionInLine + 1} on", wrong);
        }
    }

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    private static readonly string[] Members =
        [.. typeof(VerificationPolicy).GetProperties().Select(property => JsonNamingPolicy.CamelCase.ConvertName(property.Name))];
}
