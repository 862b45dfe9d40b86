using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Cloister.Cli.Explaining;
using Cloister.Cli.Tracing;

namespace Cloister.Cli.Reporting;

/// <summary>A page of HTML that needs nothing besides itself: what a trace has in it, in figures, lines and words.</summary>
internal static class ReportPage
{
    private const int MostRows = 100;

    /// <summary>The page.</summary>
    /// <param name="digest">What the trace has.</param>
    /// <param name="template">The page without what is said of the run.</param>
    public static string Render(TraceDigest digest, string template)
    {
        string program = Text(string.Join(' ', digest.Header!.Program));
        (EnclaveMap, MapFilm)[] films = [.. digest.Maps.Where(map => map.Changes.Count > 0).Select(map => (map, new MapFilm(map)))];
        return template.Replace("{{title}}", $"{program} – Cloister", StringComparison.Ordinal)
            .Replace("{{body}}", Body(digest, program, films), StringComparison.Ordinal)
            .Replace("{{data}}", Data(digest, films), StringComparison.Ordinal);
    }

    /// <summary>The page without what is said of the run.</summary>
    public static string Template()
    {
        using Stream page = typeof(ReportPage).Assembly.GetManifestResourceStream("report.html")!;
        using var reader = new StreamReader(page);
        return reader.ReadToEnd();
    }

    private static string Body(TraceDigest digest, string program, IReadOnlyList<(EnclaveMap Map, MapFilm Film)> films)
    {
        TraceHeader header = digest.Header!;
        RunSummary summary = digest.Summary;
        var page = new StringBuilder();
        string ended = digest.Ended switch
        {
            null => "the trace does not say how it ended: it ran on, or Cloister was killed",
            { Signal: { } signal } => $"ended by {MachineNames.OfSignal(signal)}",
            { ExitStatus: var status } => string.Create(CultureInfo.InvariantCulture, $"ended with exit status {status}"),
        };
        Add(page, $"<h1>{program}</h1>\n<p>{header.Started.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC, Cloister {Text(header.Version)}, engine {Text(header.Engine)}, isolation {Text(header.Isolation)}, interface {Text(header.Interface)}, EPC {header.EpcPages} pages; {ended}.</p>\n<div class=\"tiles\">\n");
        IReadOnlyCollection<EnclaveSummary> enclaves = summary.Enclaves;
        Tile(page, "seconds", "seconds", (digest.Last / 1e9).ToString("f3", CultureInfo.InvariantCulture));
        Tile(page, "events", "events in the trace", digest.Events);
        Tile(page, "enclaves", "enclaves", enclaves.Count);
        Tile(page, "entries", "EENTER", summary.Threads.Sum(one => one.Counts.Entries + one.Counts.FastEntries));
        Tile(page, "aex", "asynchronous exits", summary.Threads.Sum(one => one.Counts.Aex.Values.Sum()));
        Tile(page, "faults", "page faults", enclaves.Sum(one => one.PageFaults));
        Tile(page, "evicted", "pages evicted", enclaves.Sum(one => one.Evicted));
        Tile(page, "loaded", "pages loaded", enclaves.Sum(one => one.Loaded));
        page.Append(
            "</div>\n<h2>What happened when</h2>\n<p>Events by kind; a click on one hides it.</p>\n<svg id=\"timeline\" viewBox=\"0 0 1000 220\" role=\"img\" aria-label=\"events over time by kind\"></svg>\n<div class=\"legend\" id=\"timeline-legend\"></div>\n<h2>EPC</h2>\n<p>Pages by enclave (its SECS among them), the most in each part of time.</p>\n<svg id=\"epc\" viewBox=\"0 0 1000 220\" role=\"img\" aria-label=\"EPC pages over time by enclave\"></svg>\n<div class=\"legend\" id=\"epc-legend\"></div>\n<input type=\"range\" id=\"scrub\" min=\"0\" step=\"1\" aria-label=\"moment\">\n<p id=\"moment\"></p>\n");
        page.Append(MapSection.Render(digest, films));
        page.Append(
            "<h2>Threads</h2>\n<svg id=\"threads\" role=\"img\" aria-label=\"events over time by thread\"></svg>\n");
        Failures(page, digest);
        Table(page, "enclaves", "Enclaves",
            ["enclave", "EENTER", "without a stop", "ERESUME", "EEXIT", "AEX", "page faults", "ioctls", "pages added", "augmented",
                "evicted", "loaded", "EPC at peak", "at the end"], enclaves.Select(one => (string[])
        [
            N(one.Enclave), N(one.Counts.Entries + one.Counts.FastEntries), N(one.Counts.FastEntries), N(one.Counts.Resumptions),
            N(one.Counts.Exits), N(one.Counts.Aex.Values.Sum()), N(one.PageFaults), N(one.Ioctls),
            N(one.Added), N(one.Augmented), N(one.Evicted), N(one.Loaded), N(one.PeakPages), N(one.Pages),
        ]));
        Table(page, "entered", "What threads did", ["thread", "process", "EENTER", "without a stop", "ERESUME", "EEXIT", "AEX"],
            summary.Threads.Select(one => (string[])
        [
            N(one.Thread), N(one.Process), N(one.Counts.Entries + one.Counts.FastEntries), N(one.Counts.FastEntries),
            N(one.Counts.Resumptions), N(one.Counts.Exits), N(one.Counts.Aex.Values.Sum()),
        ]));
        Table(page, "calls", "What took time", ["count", "failed", "seconds", "median us", "95 % us", "99 % us", "what"],
            summary.Calls.Select(call => (string[])
        [
            N(call.Count), N(call.Errors), (call.Nanoseconds / 1e9).ToString("f6", CultureInfo.InvariantCulture), Microseconds(call.Median),
            Microseconds(call.Percentile95), Microseconds(call.Percentile99), call.Name,
        ]));
        Table(page, "pages", "Hottest pages", ["enclave", "page", "faults", "evicted", "loaded", "AEX by #PF", "all"],
            digest.Hottest.Take(MostRows).Select(heat => (string[])
        [
            N(heat.Enclave), $"0x{heat.Address:x}", N(heat.Faults), N(heat.Evictions), N(heat.Loads), N(heat.Exits), N(heat.All),
        ]));
        Table(page, "reasons", "How things ended", ["count", "kind", "what", "how"],
            digest.Reasons.GroupBy(reason => (reason.Kind, reason.Name, reason.How))
            .Select(group => (group.Key, Count: group.Sum(reason => reason.Count))).OrderByDescending(group => group.Count).Take(MostRows)
            .Select(group => (string[])[N(group.Count), group.Key.Kind, group.Key.Name, group.Key.How]));
        return page.ToString();
    }

    private static void Failures(StringBuilder page, TraceDigest digest)
    {
        Reason[] failed = [.. digest.Reasons.Where(reason => reason.IsFailure).OrderBy(reason => reason.First)];
        Table(page, "failures", "What went wrong", ["first, seconds", "count", "what", "how", "enclave", "thread", "page", "usual causes"],
            failed.Take(MostRows).Select(reason => (string[])
        [
            (reason.First / 1e9).ToString("f6", CultureInfo.InvariantCulture), N(reason.Count), reason.Name, reason.How, reason.Enclave == 0
            ? "" : N(reason.Enclave), N(reason.Thread), PageOf(reason), Causes(reason),
        ]));
        if (failed.Length > MostRows)
        {
            Add(page, $"<p>And {failed.Length - MostRows} more.</p>\n");
        }
    }

    private static string Causes(Reason reason)
    {
        string errno = reason.How.TrimStart('-').Replace(" (injected)", "", StringComparison.Ordinal);
        string? causes = reason.Kind switch
        {
            _ when reason.How.EndsWith("(injected)", StringComparison.Ordinal) => "it was ordered by --inject",
            "ioctl" => IoctlCases.Causes(reason.Name, errno),
            "enclu" or "encls" or "paging" => LeafCases.Causes(reason.Name, reason.How)
                ?? (reason.Kind == "enclu" ? LeafCases.Causes("any ENCLU leaf", reason.How) : null),

            "exception" when reason.Name == "#PF" => PageTroubleOf(reason) is { } trouble
                ? ExceptionCases.Causes("#PF inside", trouble)
                : "one of several: `cloister run --explain` tells which check it was, and the values",
            "exception" => ExceptionCases.Causes($"{reason.Name} inside", ""),
            "fault" => ExceptionCases.Causes("#PF inside", "the driver could not bring the page"),
            "process" => ExceptionCases.Causes("the program", "ended by a signal"),
            _ => null,
        };
        return causes ?? "";
    }

    private static string PageOf(Reason reason) => reason.Page is not var (offset, isInside, state) ? ""
        : isInside ? string.Create(CultureInfo.InvariantCulture, $"0x{offset & ~0xffful:x}: {state}") : "outside of the enclave";

    // A case of ExceptionCases, where what the page was says which. Whether the mapping refused a page that is as it should be, or its
    // own permissions did, a trace does not have.
    private static string? PageTroubleOf(Reason reason) => reason.Page switch
    {
        null => null,
        { IsInside: false } => "host memory",
        { State: var state } when state.Has("PENDING") => "the page is not accepted yet",
        { State: var state } when state.Has("MODIFIED") => "a change of the page is not accepted yet",
        { State: { IsInEpc: true } state } when !state.Has("PT_REG") => "the page is no memory of the enclave's",
        { State: { IsInEpc: false } state } when state != PageState.WrittenOut => "there is no page",
        _ => null,
    };

    private static void Tile(StringBuilder page, string id, string name, object value) =>
        Add(page, $"<div><b id=\"{id}-figure\">{value}</b><span>{name}</span></div>\n");

    private static void Table(StringBuilder page, string id, string title, string[] columns, IEnumerable<string[]> rows)
    {
        string[][] all = [.. rows];
        Add(page, $"<h2>{title}</h2>\n");
        if (all.Length == 0)
        {
            page.Append("<p>Nothing.</p>\n");
            return;
        }

        Add(page, $"<div class=\"wide\"><table id=\"{id}\">\n<thead><tr>");
        bool[] numbers = [.. columns.Select((_, column) => all.All(row => row[column].Length == 0
            || (char.IsAsciiDigit(row[column][0]) && !row[column].Contains(' ', StringComparison.Ordinal))))];
        for (int i = 0; i < columns.Length; i++)
        {
            Add(page, $"<th{(numbers[i] ? " class=\"n\"" : "")}>{columns[i]}</th>");
        }

        page.Append("</tr></thead>\n<tbody>\n");
        foreach (string[] row in all)
        {
            page.Append("<tr>");
            for (int i = 0; i < row.Length; i++)
            {
                Add(page, $"<td{(numbers[i] ? " class=\"n\"" : columns[i] == "usual causes" ? " class=\"long\"" : "")}>{Text(row[i])}</td>");
            }

            page.Append("</tr>\n");
        }

        page.Append("</tbody></table></div>\n");
    }

    // No `<` stays in it, so nothing ends the element that it stands in.
    private static string Data(TraceDigest digest, IReadOnlyList<(EnclaveMap Map, MapFilm Film)> films)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.Default }))
        {
            writer.WriteStartObject();
            _ = digest.Bins.Of(digest.Last);
            writer.WriteNumber("bins", digest.Bins.Count);
            writer.WriteNumber("binNanoseconds", digest.Bins.Width);
            Rows(writer, "kinds", digest.Kinds.Select(kind => (kind.Name, kind.Values.Take(digest.Bins.Count))));
            Rows(writer, "threads", digest.Threads.Select(thread => (thread.Name, thread.Values.Take(digest.Bins.Count))));
            Rows(writer, "epc", digest.Epc.Select(level => (level.Name, level.Values())));
            writer.WriteStartArray("maps");
            foreach ((EnclaveMap map, MapFilm film) in films)
            {
                MapSection.Write(writer, map, film);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    private static void Rows(Utf8JsonWriter writer, string name, IEnumerable<(string Name, IEnumerable<long> Values)> rows)
    {
        writer.WriteStartArray(name);
        foreach ((string row, IEnumerable<long> values) in rows)
        {
            writer.WriteStartObject();
            writer.WriteString("name", row);
            writer.WriteStartArray("values");
            foreach (long value in values)
            {
                writer.WriteNumberValue(value);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Add(StringBuilder page, FormattableString text) => page.Append(text.ToString(CultureInfo.InvariantCulture));

    private static string N<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);

    private static string Microseconds(long nanoseconds) => (nanoseconds / 1e3).ToString("f1", CultureInfo.InvariantCulture);

    // A trace is made by a program, whose names may be anything.
    private static string Text(string text) => WebUtility.HtmlEncode(PrintableText.Of(text))
        .Replace("{", "&#123;", StringComparison.Ordinal);
}
