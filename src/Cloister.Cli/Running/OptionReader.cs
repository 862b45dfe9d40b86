namespace Cloister.Cli.Running;

/// <summary>Reads words that are options of <c>run</c>, from wherever they come. What comes later counts.</summary>
internal static class OptionReader
{
    private const string Seed = "--seed", Platform = "--platform";

    /// <summary>Whether words ask for help, or that defaults be left alone, before anything else is looked at.</summary>
    public static RunArguments Look(ReadOnlySpan<string> words)
    {
        _ = Read(words, new RunArguments(), out RunArguments after, out _, null, option => option.Name is "--no-defaults" or "--cpu");
        return after;
    }

    /// <summary>Reads options up to <c>--</c> or the first word that is none.</summary>
    /// <param name="words">The words.</param>
    /// <param name="before">What holds where they say nothing.</param>
    /// <param name="after">What holds then.</param>
    /// <param name="read">How many words were read, <c>--</c> among them.</param>
    /// <param name="from">Where they stand; null on the command line.</param>
    /// <param name="only">Which of them count; null for all.</param>
    /// <returns>What is wrong with them, or null.</returns>
    public static string? Read(ReadOnlySpan<string> words, RunArguments before, out RunArguments after, out int read, string? from = null,
        Predicate<RunOption>? only = null)
    {
        after = before;
        bool seed = false, platform = false;
        for (read = 0; read < words.Length && words[read].StartsWith('-'); read++)
        {
            string word = words[read];
            if (word == "--")
            {
                read++;
                break;
            }

            if (word is "--help" or "-h" or "-?")
            {
                after = after with { Help = true };
                return null;
            }

            (string name, string? value) = Parts(word);
            if (name == "--help")
            {
                return $"{name} takes no value";
            }

            if (RunOptions.Find(name) is not { } option)
            {
                return $"there is no option {name}{Spelling.Advice(name, RunOptions.All.Select(o => o.Name).Append("--help"), "`cloister run --help` lists them")}";
            }

            if (option.ValueName is null && value is not null)
            {
                return $"{name} takes no value";
            }

            if (option.ValueName is not null && value is null && !option.IsValueOptional)
            {
                if (++read >= words.Length || words[read] == "--")
                {
                    return $"{name} needs a value: {name} {option.ValueName}";
                }

                value = words[read];
            }

            if (only is not null && !only(option))
            {
                continue;
            }

            // Both say whose keys: the later source counts, as for an option that is given twice.
            if (option.Name == Seed)
            {
                (seed, after) = (true, platform ? after : Without(after with { Platform = null }, Platform));
            }
            else if (option.Name == Platform)
            {
                (platform, after) = (true, seed ? after : Without(after with { Seed = null }, Seed));
            }

            (after, string? problem) = option.Apply(after, value ?? "");
            if (problem is not null)
            {
                return problem;
            }

            after = Without(after, option.Name);
            if (from is not null)
            {
                after = after with { Origins = [.. after.Origins, new OptionOrigin(option.Name, value ?? "", from)] };
            }

            if (after.CpuHelp)
            {
                return null;
            }
        }

        return after is { Seed: not null, Platform: not null } ? "--seed and --platform both say whose keys: give one of them" : null;
    }

    private static RunArguments Without(RunArguments arguments, string option) =>
        arguments.Origins.Count == 0 ? arguments : arguments with
        {
            Origins = [.. arguments.Origins.Where(origin => origin.Option != option)],
        };

    // --name=value, --name, -n, -nVALUE.
    private static (string Name, string? Value) Parts(string word)
    {
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        return word switch
        {
            ['-', not '-', _, ..] when RunOptions.Find(word[..2]) is { ValueName: not null } =>
                (word[..2], word[2] == '=' ? word[3..] : word[2..]),
            _ when equals >= 0 => (word[..equals], word[(equals + 1)..]),
            _ => (word, null),
        };
    }
}
