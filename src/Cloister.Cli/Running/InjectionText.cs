using System.Globalization;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Processor;

namespace Cloister.Cli.Running;

/// <summary>What is to go wrong by order, as it is written on the command line.</summary>
internal static class InjectionText
{
    private const string Race = "race=", Ioctl = "ioctl=", Error = "error=", When = "when=", Augment = "eaug", Leaf = "leaf=",
        Load = "load=slow", By = "by=", Evict = "evict=batch";
    private const int LongestLoad = 60_000;
    private static readonly string[] s_ioctls = [.. IoctlTable.Rows.Select(row => row.Name).Distinct()];

    private static readonly string[] s_leaves = [.. InjectedLeaf.ByDriver.Select(MachineNames.Of),
        .. InjectedLeaf.ByProgram.Select(MachineNames.Of)];

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
        if (KindOf(parts[0], out string name) is not { } kind)
        {
            return "write race=eaug, ioctl=NAME:error=ERRNO, leaf=NAME:error=SGX_ERROR, load=slow:by=MILLISECONDS or evict=batch";
        }

        if (kind == InjectedKind.Ioctl && name != InjectedFailure.AnyIoctl && !s_ioctls.Contains(name))
        {
            return $"no such ioctl{Spelling.Advice(name, s_ioctls, $"there is {InjectedFailure.AnyIoctl}, {string.Join(", ", s_ioctls)}")}";
        }

        if (kind == InjectedKind.Leaf && !s_leaves.Contains(name))
        {
            return $"no such leaf, or none that can fail by order{Spelling.Advice(name, s_leaves, $"there is {string.Join(", ", s_leaves)}")}";
        }

        (string? error, int milliseconds, long first, long last) = (null, 0, 1, 1);
        foreach (string part in parts.Skip(1))
        {
            bool isRead = part switch
            {
                _ when part.StartsWith(Error, StringComparison.Ordinal) && kind is InjectedKind.Ioctl or InjectedKind.Leaf =>
                    (error = part[Error.Length..]) is not null,
                _ when part.StartsWith(By, StringComparison.Ordinal) && kind == InjectedKind.SlowLoad =>
                    int.TryParse(part.AsSpan(By.Length), NumberStyles.None, CultureInfo.InvariantCulture, out milliseconds)
                    && milliseconds is > 0 and <= LongestLoad,
                _ => part.StartsWith(When, StringComparison.Ordinal) && ReadOccasions(part[When.Length..], out first, out last),
            };
            if (!isRead)
            {
                string others = kind switch
                {
                    InjectedKind.Ioctl => "error=ERRNO or ",
                    InjectedKind.Leaf => "error=SGX_ERROR or ",
                    InjectedKind.SlowLoad => $"by=MILLISECONDS, from 1 to {LongestLoad}, or ",
                    _ => ""
                };
                return $"{part}: write {others}when=N, when=N+ or when=N..M, with N from 1";
            }
        }

        switch (kind)
        {
            case InjectedKind.Ioctl when error is null:
                return "an ioctl needs error=ERRNO";
            case InjectedKind.Leaf when error is null:
                return "a leaf needs error=SGX_ERROR";
            case InjectedKind.SlowLoad when milliseconds == 0:
                return "a slow load needs by=MILLISECONDS";
            case InjectedKind.Ioctl:
                DriverError errno = Array.Find(Enum.GetValues<DriverError>(), known => known.ToString() == error);
                if (errno == DriverError.None)
                {
                    return $"{Error}{error}: there is {string.Join(", ", Enum.GetNames<DriverError>().Where(known => known != nameof(DriverError.None)))}";
                }

                failure = new InjectedFailure(kind, name, errno, first, last);
                return null;
            case InjectedKind.Leaf:
                SgxError code = Array.Find(Enum.GetValues<SgxError>(), known => MachineNames.Of(known) == error);
                if (code == SgxError.Success)
                {
                    return $"{Error}{error}: there is {string.Join(", ", Enum.GetValues<SgxError>().Where(known => known != SgxError.Success).Select(MachineNames.Of))}";
                }

                EnclsLeaf? encls = InjectedLeaf.ByDriver.Select(leaf => (EnclsLeaf?)leaf)
                    .FirstOrDefault(leaf => MachineNames.Of(leaf!.Value) == name);
                EncluLeaf? enclu = encls is null ? InjectedLeaf.ByProgram.First(leaf => MachineNames.Of(leaf) == name) : null;
                failure = new InjectedFailure(kind, "", DriverError.None, first, last)
                {
                    Leaf = new InjectedLeaf(encls, enclu, code, first, last),
                };
                return null;
            default:
                failure = new InjectedFailure(kind, "", DriverError.None, first, last) { Milliseconds = milliseconds };
                return null;
        }
    }

    private static InjectedKind? KindOf(string part, out string name)
    {
        name = part[(part.IndexOf('=', StringComparison.Ordinal) + 1)..];
        return part switch
        {
            Race + Augment => InjectedKind.AugmentRace,
            Load => InjectedKind.SlowLoad,
            Evict => InjectedKind.Eviction,
            _ when part.StartsWith(Ioctl, StringComparison.Ordinal) => InjectedKind.Ioctl,
            _ when part.StartsWith(Leaf, StringComparison.Ordinal) => InjectedKind.Leaf,
            _ => null,
        };
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

    private static bool TryRead(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0;
}
