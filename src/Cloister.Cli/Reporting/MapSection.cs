using System.Globalization;
using System.Text;
using System.Text.Json;
using Cloister.Cli.Tracing;

namespace Cloister.Cli.Reporting;

/// <summary>The part of the page that shows enclaves' pages, a step after another, and what its script draws them from.</summary>
internal static class MapSection
{
    private static readonly (TraceKinds Kind, string Missing)[] s_needed =
    [
        (TraceKinds.Paging, "pages that are written out and come back"),
        (TraceKinds.Enclu, "what enclaves accept: pages look PENDING, MODIFIED or PR that are not"),
        (TraceKinds.Power, "losses of power"),
    ];

    /// <summary>Its elements, and what is to be known of it in words.</summary>
    public static string Render(TraceDigest digest, IReadOnlyList<(EnclaveMap Map, MapFilm Film)> films)
    {
        var page = new StringBuilder("<h2>Pages of enclaves</h2>\n");
        TraceKinds events = digest.Header!.Events;
        if (films.Count == 0)
        {
            string why = (events & TraceKinds.Encls) == 0 ? "The trace was made without the event <code>encls</code>, which tells of pages."
                : digest.Maps.Any(map => map.IsUntold)
                ? "The trace does not say what pages were: it is of an older version." : "Nothing.";
            return page.Append("<p>").Append(why).Append("</p>\n").ToString();
        }

        page.Append("<p>What the EPCM says of each page, step by step: move the slider, or press the arrow keys on it. Point at a square to see which page it is.</p>\n");
        page.Append("<div class=\"steps\"><select id=\"map-enclave\" aria-label=\"enclave\">");
        for (int i = 0; i < films.Count; i++)
        {
            page.Append(CultureInfo.InvariantCulture, $"<option value=\"{i}\">enclave {films[i].Map.Enclave}</option>");
        }

        page.Append("</select><button id=\"map-back\" aria-label=\"one step back\">‹</button>")
            .Append("<input type=\"range\" id=\"map-step\" min=\"0\" step=\"1\" aria-label=\"step\">")
            .Append("<button id=\"map-on\" aria-label=\"one step on\">›</button></div>\n<p id=\"map-moment\"></p>\n")
            .Append("<div class=\"legend\" id=\"map-legend\"></div>\n")
            .Append("<svg id=\"map\" role=\"img\" aria-label=\"pages of the enclave by state\"></svg>\n<p id=\"map-cell\"></p>\n")
            .Append("<p id=\"map-states\"></p>\n<p id=\"map-leaves\"></p>\n<p id=\"map-notes\"></p>\n");
        foreach (string note in Notes(digest, films))
        {
            page.Append("<p>").Append(note).Append("</p>\n");
        }

        return page.ToString();
    }

    /// <summary>An enclave for the script.</summary>
    public static void Write(Utf8JsonWriter writer, EnclaveMap map, MapFilm film)
    {
        writer.WriteStartObject();
        writer.WriteNumber("enclave", map.Enclave);
        writer.WriteString("base", Hex(map.Base));
        writer.WriteString("size", Hex(map.Size));
        writer.WriteNumber("pages", film.Layout.Pages);
        writer.WriteNumber("cellPages", Math.Pow(2, film.Layout.CellBits));
        writer.WriteNumber("changesInStep", film.ChangesInFrame);
        writer.WriteNumber("fullest", film.Fullest);
        Array(writer, "states", film.States.Select(state => state.ToString()));
        Array(writer, "leaves", Enum.GetValues<PageLeaf>().Select(EnclaveMap.NameOf));
        Array(writer, "rows", film.Layout.Rows.Select(row => Hex(row << 12)));
        Numbers(writer, "inCell", Runs(film.Layout.PagesInCell));
        writer.WriteStartArray("steps");
        foreach (MapFrame frame in film.Frames)
        {
            writer.WriteStartObject();
            writer.WriteNumber("began", frame.Began);
            writer.WriteNumber("ended", frame.Ended);
            writer.WriteString("what", frame.What);
            Numbers(writer, "leaves", frame.Leaves.SelectMany(leaf => (int[])[(int)leaf.Leaf, leaf.Pages]));
            Numbers(writer, "counts", frame.Counts.SelectMany(count => (int[])[count.State, count.Pages]));
            Numbers(writer, "cells", frame.Cells.SelectMany(cell =>
                (int[])[cell.First, cell.Count, (2 * cell.State) + (cell.IsMixed ? 1 : 0)]));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static IEnumerable<string> Notes(TraceDigest digest, IReadOnlyList<(EnclaveMap Map, MapFilm Film)> films)
    {
        foreach ((TraceKinds kind, string missing) in s_needed)
        {
            if ((digest.Header!.Events & kind) == 0)
            {
                yield return $"The trace was made without the event <code>{TraceNames.Of(kind)}</code>, so it has not {missing}.";
            }
        }

        if (films.Any(film => film.Map.IsUntold))
        {
            yield return "Of some leaves the trace does not say what pages were afterwards; they are left out.";
        }

        foreach ((EnclaveMap map, _) in films.Where(film => film.Map.LostFrom is not null))
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"Enclave {map.Enclave} has more than {EnclaveMap.MostChanges} changes; those from {map.LostFrom / 1e9:f6} s on are left out.");
        }

        if (digest.EnclavesLeftOut)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"Pages are shown of the first {digest.Maps.Count} enclaves.");
        }

        if (digest.Header!.Engine == "fast")
        {
            yield return "What threads accepted without a stop is told when the machine looked next: such steps stand later than they were.";
        }
    }

    private static IEnumerable<int> Runs(int[] values)
    {
        for (int i = 0, run; i < values.Length; i += run)
        {
            for (run = 1; i + run < values.Length && values[i + run] == values[i]; run++)
            {
            }

            yield return run;
            yield return values[i];
        }
    }

    private static void Array(Utf8JsonWriter writer, string name, IEnumerable<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (string text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }

    private static void Numbers(Utf8JsonWriter writer, string name, IEnumerable<int> numbers)
    {
        writer.WriteStartArray(name);
        foreach (int number in numbers)
        {
            writer.WriteNumberValue(number);
        }

        writer.WriteEndArray();
    }

    private static string Hex(ulong number) => string.Create(CultureInfo.InvariantCulture, $"0x{number:x}");
}
