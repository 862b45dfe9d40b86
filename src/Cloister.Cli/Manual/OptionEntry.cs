namespace Cloister.Cli.Manual;

/// <summary>An option of a command, as the generators see it.</summary>
/// <param name="Names">All its names, those with one dash first.</param>
/// <param name="ValueName">What its value is called; null when it has none.</param>
/// <param name="Description">What it does.</param>
/// <param name="Values">What its value is.</param>
internal sealed record OptionEntry(IReadOnlyList<string> Names, string? ValueName, string Description, ValueEntry Values)
{
    /// <summary>Whether the value may be left out, and stands after an equals sign when it is there.</summary>
    public bool IsValueOptional { get; init; }

    /// <summary>Whether the next word is its value.</summary>
    public bool TakesWord => ValueName is not null && !IsValueOptional;

    /// <summary>The name and the value, as in <c>--output FILE</c>.</summary>
    public string Usage => string.Join(", ", Names) + (ValueName is null ? "" : IsValueOptional ? $"[={ValueName}]" : " " + ValueName);
}
