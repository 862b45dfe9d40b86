using System.Globalization;

namespace Cloister.Engine.Options;

/// <summary>When the machine loses power by itself, counted over all programs, so that a test meets it at the same
/// place every time.</summary>
public sealed record PowerLossPlan
{
    internal const string Entry = "entry=", Ioctl = "ioctl=", Time = "time=";
    private const double Longest = 1_000_000;

    /// <summary>Before which EENTERs, from 1.</summary>
    public IReadOnlyList<long> Entries { get; init; } = [];

    /// <summary>Before which ioctls on a device of SGX, from 1.</summary>
    public IReadOnlyList<long> Ioctls { get; init; } = [];

    /// <summary>So many seconds after the program's begin.</summary>
    public IReadOnlyList<double> Seconds { get; init; } = [];

    /// <summary>Reads events with commas between them: <c>entry=N</c>, <c>ioctl=N</c> and <c>time=SECONDS</c>.</summary>
    /// <returns>Null when the text is not that.</returns>
    public static PowerLossPlan? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<long> entries = [], ioctls = [];
        List<double> times = [];
        foreach (string part in text.Split(','))
        {
            if (part.StartsWith(Time, StringComparison.Ordinal))
            {
                ReadOnlySpan<char> number = part.AsSpan(Time.Length);
                if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
                    || seconds > Longest)
                {
                    return null;
                }

                times.Add(seconds);
                continue;
            }

            List<long>? list = part.StartsWith(Entry, StringComparison.Ordinal)
                ? entries : part.StartsWith(Ioctl, StringComparison.Ordinal) ? ioctls : null;
            if (list is null || !long.TryParse(part.AsSpan(Entry.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long count)
                || count == 0)
            {
                return null;
            }

            list.Add(count);
        }

        return new PowerLossPlan { Entries = entries, Ioctls = ioctls, Seconds = times };
    }
}
