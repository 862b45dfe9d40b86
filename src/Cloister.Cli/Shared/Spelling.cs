namespace Cloister.Cli;

/// <summary>What somebody may have meant who wrote something that there is not.</summary>
internal static class Spelling
{
    /// <summary>How a line goes on: "; did you mean --epc? " when a name is near, and what else there is to say.</summary>
    public static string Advice(string written, IEnumerable<string> names, string more) =>
        $"; {(Nearest(written, names) is { } name && name != written ? $"did you mean {name}? " : "")}{more}";

    /// <summary>The name that is nearest: a third of its letters may be wrong, or left out at its end.</summary>
    public static string? Nearest(string written, IEnumerable<string> names)
    {
        string bare = Bare(written);
        (string? best, int distance) = (null, int.MaxValue);
        foreach (string name in names)
        {
            string candidate = Bare(name);
            int apart = candidate.StartsWith(bare, StringComparison.Ordinal) && bare.Length > 1 ? 1 : Distance(bare, candidate);
            if (apart < distance && apart <= Math.Max(1, Math.Max(candidate.Length, bare.Length) / 3) && apart < candidate.Length)
            {
                (best, distance) = (name, apart);
            }
        }

        return best;
    }

    private static string Bare(string name) => name.TrimStart('-').ToLowerInvariant();

    // Letters put in, left out, changed, and neighbours exchanged: the restricted Damerau-Levenshtein distance.
    private static int Distance(string a, string b)
    {
        const int most = 64;
        if (a.Length > most || b.Length > most)
        {
            return int.MaxValue;
        }

        int[,] d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    d[i, j] = i + j;
                    continue;
                }

                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
                }
            }
        }

        return d[a.Length, b.Length];
    }
}
