using Cloister.Architecture;
using Cloister.Cli.Explaining;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Observers;
using Cloister.Engine.Options;
using Cloister.Images.Symbols;
using Cloister.Processor;
using Iced.Intel;

namespace Cloister.Cli.Provoking;

/// <summary>Finds the places of <c>--interrupt-at</c> in the code of enclaves, by the files that it is from.</summary>
internal sealed class InterruptPlaces : IInterruptPlaces, IDriverObserver, IEngineObserver, IDisposable
{
    // So much of what stands at a place has to be the file's.
    private const int CompareLength = 8;
    private readonly CodeOrigins _origins = new();
    private readonly Rule[] _rules;
    private readonly Action<string> _notice;
    private readonly Dictionary<(CodeSymbols Symbols, Rule Rule), ulong[]> _addresses = [];
    private readonly Dictionary<(ulong Enclave, ulong Address), List<Rule>> _at = [];
    private readonly SortedSet<string> _names = new(StringComparer.Ordinal); // for advice

    private InterruptPlaces(IReadOnlyList<InterruptPlace> places, Action<string> notice) =>
        (_rules, _notice) = ([.. places.Select(place => new Rule(place, new Occasions(place.First, place.Last)))], notice);

    /// <summary>Begins to listen to a machine that runs nothing yet.</summary>
    /// <param name="tracer">The machine.</param>
    /// <param name="places">The places.</param>
    /// <param name="against">A file that may be an enclave's; null for none.</param>
    /// <param name="notice">Where it is said that a place was not found.</param>
    public static InterruptPlaces Begin(Tracer tracer, IReadOnlyList<InterruptPlace> places, string? against, Action<string> notice)
    {
        var made = new InterruptPlaces(places, notice);
        if (against is not null)
        {
            made._origins.Files.Note(against);
        }

        tracer.InterruptPlaces = made;
        return made;
    }

    /// <inheritdoc/>
    public void FileOpening(IObservedThread thread, string path) => _origins.Files.Note(path);

    /// <inheritdoc/>
    public IEnumerable<ulong> PlacesIn(IOpenEnclave enclave, int process, ulong page, ReadOnlyMemory<byte> code)
    {
        SortedSet<ulong> found = [];
        CodeOrigin? origin = Array.Exists(_rules, rule => rule.Place.Symbol.Length > 0)
            ? _origins.Find(enclave.Eid, process, page, code.Span) : null;
        foreach (Rule rule in _rules)
        {
            IEnumerable<ulong> all = rule.Place.Symbol.Length == 0 ? [unchecked(enclave.Base.Value + rule.Place.Offset)]
                : origin is null ? [] : AddressesIn(origin.Symbols, rule).Select(own => unchecked(own + origin.Bias));
            foreach (ulong address in all)
            {
                if (address - page >= LinearAddress.PageSize)
                {
                    continue;
                }

                // Another build of the enclave may have anything there.
                if (rule.Place.Symbol.Length > 0 && !IsThere(origin!, address, code.Span[(int)(address - page)..]))
                {
                    rule.IsOther = true;
                    continue;
                }

                rule.IsFound = true;
                _ = found.Add(address);
                if (!_at.TryGetValue((enclave.Eid, address), out List<Rule>? rules))
                {
                    _at[(enclave.Eid, address)] = rules = [];
                }

                if (!rules.Contains(rule))
                {
                    rules.Add(rule);
                }
            }
        }

        return found;
    }

    /// <inheritdoc/>
    public string? DueAt(IOpenEnclave enclave, ulong address)
    {
        string? by = null;
        foreach (Rule rule in _at.GetValueOrDefault((enclave.Eid, address)) ?? [])
        {
            by = rule.Occasions.Occur() ? by ?? $"--interrupt-at {rule.Place.Place}" : by;
        }

        return by;
    }

    /// <summary>The run has ended: what was not found is told.</summary>
    public void Finish()
    {
        foreach (Rule rule in _rules)
        {
            if (!rule.IsFound)
            {
                _notice($"--interrupt-at {rule.Place.Place}: {Missed(rule)}");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _origins.Dispose();

    private static bool IsThere(CodeOrigin origin, ulong address, ReadOnlySpan<byte> code)
    {
        ReadOnlySpan<byte> own = origin.Symbols.CodeAt(unchecked(address - origin.Bias));
        int length = Math.Min(CompareLength, Math.Min(own.Length, code.Length));
        return own[..length].SequenceEqual(code[..length]);
    }

    private string Missed(Rule rule)
    {
        InterruptPlace place = rule.Place;
        return place.Symbol.Length == 0 ? "no enclave executed code on that page"
        : rule.IsOther ? "the enclave's code there is not that of the file which has the name: another build of it?"
        : _names.Contains(place.Symbol) ? "no instruction of the function begins there"
        : _names.Count == 0 ? "no enclave executed code that is in a file which the program opened or mapped, or which --against names"
        : "no enclave executed code on a page with a function of that name"
            + Spelling.Advice(place.Symbol, _names, "`cloister run --profile` shows names");
    }

    private ulong[] AddressesIn(CodeSymbols symbols, Rule rule)
    {
        if (!_addresses.TryGetValue((symbols, rule), out ulong[]? addresses))
        {
            _names.UnionWith(symbols.Functions.Select(function => function.Name));
            ulong[] named = [.. symbols.Named(rule.Place.Symbol)];
            if (named.Length > 0)
            {
                _ = _names.Add(rule.Place.Symbol);
            }

            _addresses[(symbols, rule)] = addresses = [.. named.Where(start => IsInstruction(symbols, start, rule.Place.Offset))
                .Select(start => start + rule.Place.Offset)];
        }

        return addresses;
    }

    // INT3 in the middle of an instruction would make another of it.
    private static bool IsInstruction(CodeSymbols symbols, ulong start, ulong offset)
    {
        ReadOnlySpan<byte> code = symbols.CodeAt(start);
        if (offset >= (ulong)code.Length)
        {
            return false;
        }

        var decoder = Decoder.Create(64, code[..(int)offset].ToArray());
        ulong at = 0;
        while (at < offset)
        {
            Instruction instruction = decoder.Decode();
            if (instruction.IsInvalid)
            {
                return false;
            }

            at += (ulong)instruction.Length;
        }

        return at == offset;
    }

    private sealed class Rule(InterruptPlace place, Occasions occasions)
    {
        public InterruptPlace Place { get; } = place;

        public Occasions Occasions { get; } = occasions;

        public bool IsFound { get; set; }

        public bool IsOther { get; set; }
    }
}
