namespace Cloister.Cli.Running;

/// <summary>One option of <c>cloister run</c>.</summary>
/// <param name="Name">With its two dashes.</param>
/// <param name="ValueName">What its value is called in the help text; null when it has none.</param>
/// <param name="Description">What it does, the same on every machine; made when help is asked for.</param>
/// <param name="Apply">Puts a value into the arguments, or says what is wrong with it.</param>
internal sealed record RunOption(string Name, string? ValueName, Func<string> Description,
    Func<RunArguments, string, (RunArguments Arguments, string? Problem)> Apply)
{
    /// <summary>One dash and a letter; null when there is none.</summary>
    public string? Short { get; init; }

    /// <summary>What help adds that is of this machine; made when help is asked for.</summary>
    public Func<string>? Here { get; init; }

    /// <summary>The values that there are; empty when they cannot be listed.</summary>
    public Func<IReadOnlyList<string>> Values { get; init; } = static () => [];

    /// <summary>Whether the value is a file's name.</summary>
    public bool IsFile { get; init; }

    /// <summary>Whether the value may be left out, and stands after an equals sign when it is there.</summary>
    public bool IsValueOptional { get; init; }

    /// <summary>As help shows it: <c>-o, --output FILE</c>.</summary>
    public string Usage => (Short is null ? "" : Short + ", ") + Name
        + (ValueName is null ? "" : IsValueOptional ? $"[={ValueName}]" : " " + ValueName);

    /// <summary>Whether it is called so.</summary>
    public bool IsCalled(string name) => Name == name || (Short is not null && Short == name);
}
