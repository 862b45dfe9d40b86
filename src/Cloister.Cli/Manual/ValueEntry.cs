namespace Cloister.Cli.Manual;

/// <summary>What a value may be.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Choices">The values, when they can be listed.</param>
internal sealed record ValueEntry(ValueKind Kind, IReadOnlyList<string> Choices);
