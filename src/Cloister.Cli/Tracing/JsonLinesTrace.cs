using System.Globalization;

namespace Cloister.Cli.Tracing;

/// <summary>An object on a line for each event; docs/reference/json.md has the members.</summary>
internal sealed class JsonLinesTrace : ITraceFormat
{
    private const int SchemaVersion = 1;

    public void Begin(Utf8Line line, TraceHeader header)
    {
        _ = line.Add("{\"event\":\"begin\",\"schema\":"u8).Add(SchemaVersion).Add(",\"version\":\""u8).Json(header.Version)
            .Add("\",\"program\":["u8);
        for (int i = 0; i < header.Program.Count; i++)
        {
            _ = line.Add(i > 0 ? ",\"" : "\"").Json(header.Program[i]).Add("\""u8);
        }

        _ = line.Add("],\"events\":["u8);
        string separator = "\"";
        foreach (TraceKinds kind in TraceNames.Single)
        {
            if ((header.Events & kind) != 0)
            {
                _ = line.Add(separator).Add(TraceNames.Of(kind)).Add("\""u8);
                separator = ",\"";
            }
        }

        _ = line.Add("],\"engine\":\""u8).Add(header.Engine).Add("\",\"isolation\":\""u8).Add(header.Isolation).Add("\",\"interface\":\""u8)
            .Json(header.Interface)
            .Add("\",\"epcPages\":"u8).Add(header.EpcPages).Add(",\"started\":\""u8)
            .Add(header.Started.ToString("yyyy-MM-ddTHH:mm:ss.fffffffZ", CultureInfo.InvariantCulture)).Add("\"}\n"u8);
    }

    public void Write(Utf8Line line, in TraceEvent e)
    {
        _ = line.Add("{\"event\":\""u8).Add(TraceNames.Of(e.Kind)).Add("\",\"time\":"u8).Add(e.Time).Add(",\"process\":"u8).Add(e.Process)
            .Add(",\"thread\":"u8).Add(e.Thread).Add(",\"name\":\""u8).Json(e.Name).Add("\""u8);
        if (e.Enclave != 0)
        {
            _ = line.Add(",\"enclave\":"u8).Add((long)e.Enclave);
        }

        if (e.Address != 0)
        {
            _ = line.Add(",\"address\":\""u8).Hex(e.Address).Add("\""u8);
        }

        if (e.Length != 0)
        {
            _ = line.Add(",\"length\":"u8).Add((long)e.Length);
        }

        if (e.Outcome is not null)
        {
            _ = line.Add(",\"outcome\":\""u8).Json(e.Outcome).Add("\""u8);
        }

        if (e.Detail is not null)
        {
            _ = line.Add(",\"detail\":\""u8).Json(e.Detail).Add("\""u8);
        }

        if (e.Page is not null)
        {
            _ = line.Add(",\"page\":\""u8).Json(e.Page).Add("\""u8);
        }

        if (e.Duration >= 0)
        {
            _ = line.Add(",\"duration\":"u8).Add(e.Duration);
        }

        if (e.Count != 1)
        {
            _ = line.Add(",\"count\":"u8).Add(e.Count);
        }

        _ = line.Add(e.Earlier ? ",\"earlier\":true}\n" : "}\n");
    }

    public void End(Utf8Line line, long time, int? exitStatus, int? signal) => line.Add("{\"event\":\"end\",\"time\":"u8).Add(time)
        .Add(signal is { } number ? $",\"exitStatus\":null,\"signal\":{number}}}\n" : $",\"exitStatus\":{exitStatus},\"signal\":null}}\n");
}
