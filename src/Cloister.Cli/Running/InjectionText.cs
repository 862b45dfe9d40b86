using System.Globalization;
using Cloister.Driver;
using Cloister.Driver.Ioctls.Tables;

namespace Cloister.Cli.Running;

/// <summary>What is to go wrong by order, as it is written on the command line.</summary>
internal static class InjectionText
{
    private const string Race = "race=", Ioctl = "ioctl=", Error = "error=", When = "when=", Augment = "eaug";
    private static readonly string[] s_ioctls = [.. IoctlTable.Rows.Select(row => row.Name).Distinct()];

    /// <summary>Reads rules with commas between them, whose parts have colons between them.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public static string? Read(string text, out IReadOnlyList<InjectedFailure> failures)
    {
        List<InjectedFailure> rules = [];
        failures = rules;
        foreach (string rule in text.Split(','))
        {
            if (ReadRule(rule, out InjectedFailure? failure) is { } problem)
            {
                return $"{rule}: {problem}";
            }

            rules.Add(failure!);
        }

        return null;
    }

    private static string? ReadRule(string rule, out InjectedFailure? failure)
    {
        failure = null;
        string[] parts = rule.Split(':');
        string? ioctl = parts[0].StartsWith(Ioctl, StringComparison.Ordinal) ? parts[0][Ioctl.Length..] : null;
        if (ioctl is null && parts[0] != Race + Augment)
        {
            return "write race=eaug or ioctl=NAME:error=ERRNO";
        }

        if (ioctl is not null && ioctl != InjectedFailure.AnyIoctl && !s_ioctls.Contains(ioctl))
        {
            return $"no such ioctl{Spelling.Advice(ioctl, s_ioctls, $"there is {InjectedFailure.AnyIoctl}, {string.Join(", ", s_ioctls)}")}";
        }

        DriverError error = DriverError.None;
        (long first, long last) = (1, 1);
        foreach (string part in parts.Skip(1))
        {
            if (part.StartsWith(Error, StringComparison.Ordinal) && ioctl is not null)
            {
                if (!Enum.TryParse(part[Error.Length..], out error) || error == DriverError.None || !Enum.IsDefined(error) || char.IsAsciiDigit(part[Error.Length]))
                {
                    return $"{part}: there is {string.Join(", ", Enum.GetNames<DriverError>().Where(name => name != nameof(DriverError.None)))}";
                }
            }
            else if (!part.StartsWith(When, StringComparison.Ordinal) || !ReadOccasions(part[When.Length..], out first, out last))
            {
                return $"{part}: write {(ioctl is null ? "" : "error=ERRNO or ")}when=N, when=N+ or when=N..M, with N from 1";
            }
        }

        if (ioctl is not null && error == DriverError.None)
        {
            return "an ioctl needs error=ERRNO";
        }

        failure = new InjectedFailure(ioctl is null ? InjectedKind.AugmentRace : InjectedKind.Ioctl, ioctl ?? "", error, first, last);
        return null;
    }

    private static bool ReadOccasions(string text, out long first, out long last)
    {
        string[] ends = text.Split("..");
        last = 0;
        bool isOpen = ends.Length == 1 && text.EndsWith('+');
        if (!TryRead(isOpen ? text[..^1] : ends[0], out first))
        {
            return false;
        }

        last = isOpen ? long.MaxValue : first;
        return ends.Length == 1 || (ends.Length == 2 && TryRead(ends[1], out last) && last >= first);
    }

    private static bool TryRead(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0;
}
