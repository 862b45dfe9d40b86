using System.Globalization;

namespace Cloister.Engine.Options;

/// <summary>When the machine loses power by itself, counted over all programs, so that a test meets it at the same
/// place every time.</summary>
public sealed record PowerLossPlan
{
    private const string Entry = "entry=", Ioctl = "ioctl=";

    /// <summary>Before which EENTERs, from 1.</summary>
    public IReadOnlyList<long> Entries { get; init; } = [];

    /// <summary>Before which ioctls on a device of SGX, from 1.</summary>
    public IReadOnlyList<long> Ioctls { get; init; } = [];

    /// <summary>Reads events with commas between them: <c>entry=N</c> and <c>ioctl=N</c>.</summary>
    /// <returns>Null when the text is not that.</returns>
    public static PowerLossPlan? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<long> entries = [], ioctls = [];
        foreach (string part in text.Split(','))
        {
            List<long>? list = part.StartsWith(Entry, StringComparison.Ordinal)
                ? entries : part.StartsWith(Ioctl, StringComparison.Ordinal) ? ioctls : null;
            if (list is null || !long.TryParse(part.AsSpan(Entry.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long number)
                || number == 0)
            {
                return null;
            }

            list.Add(number);
        }

        return new PowerLossPlan { Entries = entries, Ioctls = ioctls };
    }
}
