using System.Globalization;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Processor;

namespace Cloister.Cli.Running;

/// <summary>What is to go wrong by order, as it is written on the command line.</summary>
internal static class InjectionText
{
    private const string Race = "race=", Ioctl = "ioctl=", Augment = "eaug", Leaf = "leaf=", Epc = "epc=", Load = "load=slow",
        Flip = "load=flip", Evict = "evict=batch", EvictPage = "evict=page";
    private const string Moments = "time=SECONDS, entry=N, ioctl=N or fault=N";
    private const string When = "when=N, when=N+ or when=N..M, with N from 1";
    private const int LongestLoad = 60_000, PageSize = LinearAddress.PageSize, BitsOfPage = PageSize * 8;
    private const double Longest = 1_000_000;
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

    /// <summary>What is wrong with rules on a machine, or null.</summary>
    /// <param name="failures">The rules.</param>
    /// <param name="epcPages">Pages of its EPC.</param>
    /// <param name="generation">Whose driver it has.</param>
    public static string? ProblemOn(IReadOnlyList<InjectedFailure> failures, long epcPages, Generation generation)
    {
        // isgx, sgx_free_page: a line in the log, and the page is put on the free list.
        if (generation == Generation.Isgx && failures.Any(one => one.Leaf?.Encls == EnclsLeaf.Eremove))
        {
            return $"{Leaf}EREMOVE: isgx gives such a page out again as it is, and what comes of that is not defined";
        }

        return failures.FirstOrDefault(one => one.Kind == InjectedKind.EpcSize && one.Pages > epcPages) is { } larger
            ? $"{Epc}{larger.Pages}: more pages than the machine's EPC has, {epcPages}" : null;
    }

    private static string? ReadRule(string rule, out InjectedFailure? failure)
    {
        failure = null;
        string[] parts = rule.Split(':');
        if (KindOf(parts[0], out string name) is not { } kind)
        {
            return "write race=eaug, ioctl=NAME:error=ERRNO, leaf=NAME:error=SGX_ERROR, load=slow:by=MILLISECONDS, load=flip, evict=batch, evict=page:offset=OFFSET:MOMENT or epc=PAGES:MOMENT";
        }

        if (kind == InjectedKind.Ioctl && name != InjectedFailure.AnyIoctl && !s_ioctls.Contains(name))
        {
            return $"no such ioctl{Spelling.Advice(name, s_ioctls, $"there is {InjectedFailure.AnyIoctl}, {string.Join(", ", s_ioctls)}")}";
        }

        if (kind == InjectedKind.Leaf && name is "EBLOCK" or "EWB")
        {
            // main.c, sgx_encl_ewb and sgx_reclaimer_write; encl.c, __sgx_encl_eldu
            return "it cannot fail by order: Linux warns and goes on as if the page had been written out, gives its place out while it is in use, and dereferences NULL when it is loaded";
        }

        if (kind == InjectedKind.Leaf && !s_leaves.Contains(name))
        {
            return $"no such leaf, or none that can fail by order{Spelling.Advice(name, s_leaves, $"there is {string.Join(", ", s_leaves)}")}";
        }

        int pages = 0;
        if (kind == InjectedKind.EpcSize && !int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out pages))
        {
            return $"{Epc}{name}: write a number of pages, from 0, as in epc=64:time=1";
        }

        var said = new InjectedFailure(kind, kind == InjectedKind.Ioctl ? name : "", DriverError.None, 1, 1) { Pages = pages };
        var seen = new Seen();
        foreach (string part in parts.Skip(1))
        {
            string key = part[..(part.IndexOf('=', StringComparison.Ordinal) + 1)], value = part[key.Length..];
            if (!seen.Add(key))
            {
                return $"{part}: {key} is there twice, or another in its place";
            }

            if (ReadPart(kind, key, value, ref said, seen) is not { } isRead || !isRead)
            {
                return $"{part}: write {Others(kind)}";
            }
        }

        return Finish(name, said, seen, out failure);
    }

    // Null for a part that rules of this kind have not.
    private static bool? ReadPart(InjectedKind kind, string key, string value, ref InjectedFailure said, Seen seen)
    {
        bool hasMoment = kind is InjectedKind.EpcSize or InjectedKind.PageEviction;
        switch (key)
        {
            case "error=" when kind is InjectedKind.Ioctl or InjectedKind.Leaf:
                seen.Error = value;
                return true;
            case "by=" when kind == InjectedKind.SlowLoad:
                bool isTime = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int milliseconds)
                    && milliseconds is > 0 and <= LongestLoad;
                said = said with { Milliseconds = milliseconds };
                return isTime;
            case "bit=" when kind == InjectedKind.FlippedBit:
                bool isBit = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int bit) && bit < BitsOfPage;
                said = said with { Bit = bit };
                return isBit;
            case "offset=" or "address=" when kind == InjectedKind.PageEviction:
                bool isPlace = TryReadPlace(value, out ulong place);
                said = key == "offset=" ? said with { Offset = place } : said with { Address = place };
                return isPlace;
            case "enclave=" when kind == InjectedKind.PageEviction:
                bool isNumber = TryRead(value, out long number);
                said = said with { Enclave = (ulong)Math.Max(number, 0) };
                return isNumber;
            case "time=" when hasMoment:
                bool isSeconds = double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
                    && seconds <= Longest;
                said = said with { Moment = InjectedMoment.Time, Seconds = seconds };
                return isSeconds;
            case "entry=" or "ioctl=" or "fault=" when hasMoment:
                bool isMoment = Occasions.TryRead(value, out long first, out long last);
                said = said with
                {
                    Moment = key switch
                    {
                        "entry=" => InjectedMoment.Entry,
                        "ioctl=" => InjectedMoment.Ioctl,
                        _ => InjectedMoment.Fault,
                    },
                    First = first,
                    Last = last,
                };
                return isMoment;
            case "when=" when !hasMoment:
                bool isWhen = Occasions.TryRead(value, out first, out last);
                said = said with { First = first, Last = last };
                return isWhen;
            default:
                return null;
        }
    }

    private static string? Finish(string name, InjectedFailure said, Seen seen, out InjectedFailure? failure)
    {
        failure = said;
        switch (said.Kind)
        {
            case InjectedKind.Ioctl when seen.Error is null:
                return "an ioctl needs error=ERRNO";
            case InjectedKind.Leaf when seen.Error is null:
                return "a leaf needs error=SGX_ERROR";
            case InjectedKind.SlowLoad when said.Milliseconds == 0:
                return "a slow load needs by=MILLISECONDS";
            case InjectedKind.PageEviction when !seen.HasPlace:
                return "a page needs offset=OFFSET, from the enclave's base, or address=ADDRESS";
            case InjectedKind.PageEviction or InjectedKind.EpcSize when !seen.HasMoment:
                return $"it needs a moment: {Moments}";
            case InjectedKind.Ioctl:
                DriverError errno = Array.Find(Enum.GetValues<DriverError>(), known => known.ToString() == seen.Error);
                failure = said with { Error = errno };
                return errno == DriverError.None
                    ? $"error={seen.Error}: there is {string.Join(", ", Enum.GetNames<DriverError>().Where(known => known != nameof(DriverError.None)))}"
                    : null;
            case InjectedKind.Leaf:
                SgxError code = Array.Find(Enum.GetValues<SgxError>(), known => MachineNames.Of(known) == seen.Error);
                if (code == SgxError.Success)
                {
                    return $"error={seen.Error}: there is {string.Join(", ", Enum.GetValues<SgxError>().Where(known => known != SgxError.Success).Select(MachineNames.Of))}";
                }

                EnclsLeaf? encls = InjectedLeaf.ByDriver.Select(leaf => (EnclsLeaf?)leaf)
                    .FirstOrDefault(leaf => MachineNames.Of(leaf!.Value) == name);
                EncluLeaf? enclu = encls is null ? InjectedLeaf.ByProgram.First(leaf => MachineNames.Of(leaf) == name) : null;
                failure = said with { Leaf = new InjectedLeaf(encls, enclu, code, said.First, said.Last) };
                return null;
            default:
                return null;
        }
    }

    private static string Others(InjectedKind kind) => kind switch
    {
        InjectedKind.Ioctl => $"error=ERRNO or {When}",
        InjectedKind.Leaf => $"error=SGX_ERROR or {When}",
        InjectedKind.SlowLoad => $"by=MILLISECONDS, from 1 to {LongestLoad}, or {When}",
        InjectedKind.FlippedBit => $"bit=N, from 0 to {BitsOfPage - 1}, or {When}",
        InjectedKind.EpcSize => $"{Moments}, with N from 1",
        InjectedKind.PageEviction => $"offset=OFFSET or address=ADDRESS, of a page, enclave=N and {Moments}, with N from 1",
        _ => When,
    };

    private static InjectedKind? KindOf(string part, out string name)
    {
        name = part[(part.IndexOf('=', StringComparison.Ordinal) + 1)..];
        return part switch
        {
            Race + Augment => InjectedKind.AugmentRace,
            Load => InjectedKind.SlowLoad,
            Flip => InjectedKind.FlippedBit,
            Evict => InjectedKind.Eviction,
            EvictPage => InjectedKind.PageEviction,
            _ when part.StartsWith(Ioctl, StringComparison.Ordinal) => InjectedKind.Ioctl,
            _ when part.StartsWith(Leaf, StringComparison.Ordinal) => InjectedKind.Leaf,
            _ when part.StartsWith(Epc, StringComparison.Ordinal) => InjectedKind.EpcSize,
            _ => null,
        };
    }

    private static bool TryRead(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0;

    // Hexadecimal behind 0x, else decimal; of the page's first byte.
    private static bool TryReadPlace(string text, out ulong place) =>
        (text.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out place)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out place))
        && place % PageSize == 0;

    // Which parts a rule has.
    private sealed class Seen
    {
        private readonly HashSet<string> _keys = [];

        /// <summary>What stands behind error=.</summary>
        public string? Error { get; set; }

        /// <summary>Whether it says which page.</summary>
        public bool HasPlace => _keys.Contains("place");

        /// <summary>Whether it says when.</summary>
        public bool HasMoment => _keys.Contains("moment");

        /// <summary>One more part.</summary>
        /// <returns>False where it has that already, or another in its place.</returns>
        public bool Add(string key) => _keys.Add(key switch
        {
            "offset=" or "address=" => "place",
            "time=" or "entry=" or "ioctl=" or "fault=" => "moment",
            _ => key,
        });
    }
}
