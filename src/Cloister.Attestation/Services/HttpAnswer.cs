using System.Text;

namespace Cloister.Attestation.Services;

/// <summary>What is answered by HTTP.</summary>
/// <param name="Status">The status code.</param>
/// <param name="ContentType">What the body is.</param>
/// <param name="Body">The body.</param>
public sealed record HttpAnswer(int Status, string ContentType, byte[] Body)
{
    /// <summary>Headers beside those of every answer.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    /// <summary>An error, with a line that says what.</summary>
    public static HttpAnswer Error(int status, string line) => new(status, "text/plain", Encoding.UTF8.GetBytes(line + "\n"));
}
