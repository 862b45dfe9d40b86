using Cloister.Linux;

namespace Cloister.Cli.Running;

/// <summary>
/// What was changed for this process alone: by the script <c>cloister</c>, as it tells in a variable,
/// <c>CLOISTER_LIMITS=7:1024:524288 diagnostics</c>, else by <see cref="OwnLimits"/>.
/// </summary>
/// <param name="Environment">The variables that the script was started with.</param>
/// <param name="Limits">The limits that it was started with.</param>
internal sealed record LauncherChanges(IReadOnlyList<byte[]> Environment, IReadOnlyList<ResourceLimit> Limits)
{
    /// <summary>Finds them.</summary>
    /// <param name="environment">The variables of this process.</param>
    public static LauncherChanges Of(IReadOnlyList<byte[]> environment)
    {
        byte[]? told = environment.FirstOrDefault(variable => variable.AsSpan().StartsWith("CLOISTER_LIMITS="u8));
        if (told is null)
        {
            return new LauncherChanges(environment, OwnLimits.Original);
        }

        var limits = new List<ResourceLimit>();
        bool diagnostics = false;
        ReadOnlySpan<byte> words = told.AsSpan("CLOISTER_LIMITS=".Length);
        while (!words.IsEmpty)
        {
            ReadOnlySpan<byte> word = ProcText.TakeWord(ref words);
            diagnostics |= word.SequenceEqual("diagnostics"u8);
            if (ProcText.Number(ProcText.Take(ref word, (byte)':')) is { } resource && Limit(ProcText.Take(ref word, (byte)':')) is { } soft
                && Limit(word) is { } hard)
            {
                limits.Add(new ResourceLimit((int)resource, soft, hard));
            }
        }

        return new LauncherChanges(
            [.. environment.Where(
                variable => variable != told && !(diagnostics && variable.AsSpan().StartsWith("DOTNET_EnableDiagnostics="u8)))],
            limits);
    }

    private static ulong? Limit(ReadOnlySpan<byte> text) => text.SequenceEqual("unlimited"u8) ? ulong.MaxValue : ProcText.Number(text);
}
