using Cloister.Architecture;
using Cloister.Cli.Tracing;

namespace Cloister.Cli.Lab;

/// <summary>Which pages an enclave used, and in which order, as far as a trace knows: by what faulted and what was accepted.</summary>
internal sealed class TracedUses : ITraceTaker
{
    /// <summary>Uses that are kept of an enclave; what comes behind is left out.</summary>
    public const int MostUses = 1_000_000;

    // What lies between the heap and the stacks of an enclave is no part of what it wants pages for.
    private const int LongestGap = 256;
    private const int MostEnclaves = 1000;

    // Of all enclaves together, in memory.
    private const int MostKept = 8 * MostUses;

    private readonly Dictionary<ulong, Uses> _enclaves = [];
    private int _kept;

    /// <summary>The enclaves that used pages, by SECS.EID, those that used most first.</summary>
    public IReadOnlyList<ulong> Enclaves =>
        [.. _enclaves.Where(one => Chosen(one.Value).Count > 0).OrderByDescending(one => Chosen(one.Value).Count).Select(one => one.Key)];

    public void Begin(TraceHeader header)
    {
    }

    public void End(long time, int? exitStatus, int? signal)
    {
    }

    public void Take(in TraceEvent e)
    {
        if (e.Enclave == 0 || e.Address == 0 || (!_enclaves.ContainsKey(e.Enclave) && _enclaves.Count == MostEnclaves))
        {
            return;
        }

        ulong page = e.Address / LinearAddress.PageSize;
        bool isAdded = e is { Kind: TraceKinds.Encls, Name: "EAUG", Outcome: "0" } or { Kind: TraceKinds.Fault, Outcome: "EAUG" };
        bool isUse = e switch
        {
            { Kind: TraceKinds.Fault } => e.Detail is "read" or "write",
            { Kind: TraceKinds.Enclu } => e is { Name: "EACCEPT" or "EACCEPTCOPY", Outcome: "0" },
            _ => false,
        };
        if (!isAdded && !isUse)
        {
            return;
        }

        if (!_enclaves.TryGetValue(e.Enclave, out Uses? uses))
        {
            _enclaves[e.Enclave] = uses = new Uses();
        }

        if (_kept >= MostKept)
        {
            uses.IsCut = true;
            return;
        }

        _kept += isAdded && uses.Added.Add(page) ? 1 : 0;

        // A page that is added, accepted and touched in a row is used once.
        if (isUse && (uses.Pages.Count == 0 || uses.Pages[^1] != page))
        {
            if (uses.Pages.Count == MostUses)
            {
                uses.IsCut = true;
                return;
            }

            uses.Pages.Add(page);
            _kept++;
        }
    }

    /// <summary>The uses of an enclave, with its pages numbered as they lie.</summary>
    /// <param name="enclave">SECS.EID.</param>
    /// <returns>The uses, and what of the trace they are; none when the trace has none.</returns>
    public (IReadOnlyList<int> Pages, string What) Of(ulong enclave)
    {
        if (!_enclaves.TryGetValue(enclave, out Uses? uses) || Chosen(uses) is not { Count: > 0 } chosen)
        {
            return ([], "");
        }

        var numbers = new Dictionary<ulong, int>();
        ulong before = 0;
        int number = -1;
        foreach (ulong page in chosen.Distinct().Order())
        {
            ulong gap = number < 0 ? 1 : page - before;
            number += gap - 1 > LongestGap ? 1 : (int)gap;
            numbers[page] = number;
            before = page;
        }

        string what = uses.Added.Count > 0 ? "the pages that were added to it at run time" : "its pages, of which none was added at run time";
        return ([.. chosen.Select(page => numbers[page])],
            $"what enclave {enclave} of the trace did: {what}, at each fault and EACCEPT{(uses.IsCut ? $", the first {MostUses}" : "")}");
    }

    // An enclave that grows asks the question of the experiment by these pages; of another, all are as if they could be.
    private static List<ulong> Chosen(Uses uses) => uses.Added.Count == 0 ? uses.Pages : uses.OfAdded;

    private sealed class Uses
    {
        private List<ulong>? _ofAdded;

        public List<ulong> Pages { get; } = [];

        public HashSet<ulong> Added { get; } = [];

        public bool IsCut { get; set; }

        public List<ulong> OfAdded => _ofAdded ??= Collapsed(Pages.Where(Added.Contains));

        private static List<ulong> Collapsed(IEnumerable<ulong> pages)
        {
            List<ulong> collapsed = [];
            foreach (ulong page in pages)
            {
                if (collapsed.Count == 0 || collapsed[^1] != page)
                {
                    collapsed.Add(page);
                }
            }

            return collapsed;
        }
    }
}
