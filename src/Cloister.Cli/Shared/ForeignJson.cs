using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cloister.Cli;

/// <summary>
/// JSON that others made. The framework's reader takes half of a surrogate pair for JSON, and throws when it is asked for the text or for a
/// member beside it.
/// </summary>
internal static class ForeignJson
{
    /// <summary>Reads all of it.</summary>
    /// <param name="json">The text, in UTF-8.</param>
    /// <param name="options">How.</param>
    /// <exception cref="JsonException">It is no JSON, or has a text that is not Unicode.</exception>
    public static JsonNode? Parse(ReadOnlySpan<byte> json, JsonDocumentOptions options = default)
    {
        try
        {
            var node = JsonNode.Parse(json, documentOptions: options);
            Read(node);
            return node;
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException("a text in it is not Unicode", e);
        }
    }

    /// <summary>Reads all of it.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="JsonException">It is no JSON, or has a text that is not Unicode.</exception>
    public static JsonNode? Parse(string json) => Parse(System.Text.Encoding.UTF8.GetBytes(json));

    // As deep as the reader goes: 64.
    private static void Read(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                foreach ((_, JsonNode? member) in members)
                {
                    Read(member);
                }

                break;
            case JsonArray items:
                foreach (JsonNode? item in items)
                {
                    Read(item);
                }

                break;
            case JsonValue value:
                _ = value.TryGetValue<string>(out _);
                break;
        }
    }
}
