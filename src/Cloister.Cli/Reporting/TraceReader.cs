using System.Globalization;
using System.Text.Json;
using Cloister.Cli.Tracing;
using Cloister.Images;

namespace Cloister.Cli.Reporting;

/// <summary>
/// Reads a trace of JSON lines, as docs/reference/json.md describes them. One that was cut, because its run was killed, is read up to
/// there.
/// </summary>
internal static class TraceReader
{
    private const int LongestLine = 1 << 20;

    /// <summary>Reads it.</summary>
    /// <param name="trace">The file.</param>
    /// <param name="taker">Takes what is in it.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="ImageException">It is no trace.</exception>
    public static void Read(Stream trace, ITraceTaker taker, CancellationToken cancellation)
    {
        byte[] buffer = new byte[LongestLine + 1];
        int filled = 0;
        long number = 0;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            int read = trace.Read(buffer.AsSpan(filled));
            filled += read;
            int start = 0;
            for (int end; (end = Array.IndexOf(buffer, (byte)'\n', start, filled - start)) >= 0; start = end + 1)
            {
                Line(buffer.AsSpan(start, end - start), ++number, taker);
            }

            filled -= start;
            if (filled == buffer.Length || (number == 0 && read == 0))
            {
                throw new ImageException(number == 0 ? NoTrace : $"line {number + 1} is too long");
            }

            buffer.AsSpan(start, filled).CopyTo(buffer);
            if (read == 0)
            {
                // What is left has no end.
                return;
            }
        }
    }

    private const string NoTrace = "no trace of JSON lines; `cloister run --trace FILE.jsonl` makes one";

    private static void Line(ReadOnlySpan<byte> line, long number, ITraceTaker taker)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            JsonElement root = JsonElement.ParseValue(ref reader);
            string what = root.GetProperty("event").GetString() ?? "";
            if (number == 1)
            {
                taker.Begin(what == "begin" && root.GetProperty("schema").GetInt32() == 1 ? Header(root)
                    : throw new ImageException(what == "begin" ? "a trace of another version" : NoTrace));
            }
            else if (what == "end")
            {
                taker.End(root.GetProperty("time").GetInt64(), Number(root, "exitStatus"), Number(root, "signal"));
            }
            else
            {
                taker.Take(Event(root, what));
            }
        }
        catch (Exception wrong) when (wrong is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or OverflowException)
        {
            throw new ImageException(number == 1 ? NoTrace : $"line {number} is no event of a trace");
        }
    }

    private static TraceHeader Header(JsonElement root) => new(
        Text(root, "version"),
        [.. root.GetProperty("program").EnumerateArray().Select(word => word.GetString() ?? "")],
        Text(root, "engine"),
        Text(root, "isolation"),
        Text(root, "interface"),
        root.GetProperty("epcPages").GetInt64(),
        root.GetProperty("started").GetDateTimeOffset(),
        root.TryGetProperty("events", out JsonElement events) ? Kinds(events) : TraceKinds.All);

    private static TraceKinds Kinds(JsonElement names) => names.EnumerateArray().Aggregate(TraceKinds.None, static (kinds, name) =>
        kinds | (TraceNames.KindOf(name.GetString() ?? "") ?? throw new FormatException()));

    private static TraceEvent Event(JsonElement root, string what) => new()
    {
        Kind = TraceNames.KindOf(what) ?? throw new FormatException(),
        Name = Text(root, "name"),
        Time = Math.Max(0, root.GetProperty("time").GetInt64()),
        Process = root.GetProperty("process").GetInt32(),
        Thread = root.GetProperty("thread").GetInt32(),
        Enclave = root.TryGetProperty("enclave", out JsonElement enclave) ? enclave.GetUInt64() : 0,
        Address = root.TryGetProperty("address", out JsonElement address) ? Address(address.GetString()) : 0,
        Length = root.TryGetProperty("length", out JsonElement length) ? unchecked((ulong)length.GetInt64()) : 0,
        Outcome = root.TryGetProperty("outcome", out JsonElement outcome) ? outcome.GetString() : null,
        Detail = root.TryGetProperty("detail", out JsonElement detail) ? detail.GetString() : null,
        Page = root.TryGetProperty("page", out JsonElement page) ? page.GetString() : null,
        Duration = root.TryGetProperty("duration", out JsonElement duration) ? duration.GetInt64() : -1,
        Count = root.TryGetProperty("count", out JsonElement count) ? Math.Max(0, count.GetInt64()) : 1,
        Earlier = root.TryGetProperty("earlier", out JsonElement earlier) && earlier.GetBoolean(),
    };

    private static string Text(JsonElement root, string name) => root.GetProperty(name).GetString() ?? throw new FormatException();

    private static ulong Address(string? text) => text is ['0', 'x', .. var digits]
        ? ulong.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : throw new FormatException();

    private static int? Number(JsonElement root, string name) => root.GetProperty(name) is { ValueKind: JsonValueKind.Number } number
        ? number.GetInt32() : null;
}
