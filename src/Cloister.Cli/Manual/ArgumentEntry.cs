namespace Cloister.Cli.Manual;

/// <summary>An argument of a command that is no option, as the generators see it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it is.</param>
/// <param name="Values">What it may be.</param>
/// <param name="IsMany">Whether there may be several, or none.</param>
internal sealed record ArgumentEntry(string Name, string Description, ValueEntry Values, bool IsMany)
{
    /// <summary>As a synopsis has it.</summary>
    public string Usage => Values.Kind == ValueKind.Program ? $"[--] {Name} [ARGUMENTS]" : IsMany ? $"[{Name} ...]" : Name;
}
