namespace Cloister.Cli.Tracing;

/// <summary>
/// The JSON array that chrome://tracing and Perfetto read: "Trace Event Format", JSON Array Format, whose closing bracket may be missing.
/// What has a length is an event of phase X, all else one of phase i.
/// </summary>
internal sealed class ChromeTrace : ITraceFormat
{
    private readonly HashSet<int> _named = [];

    public void Begin(Utf8Line line, TraceHeader header)
    {
        _ = line.Add("[\n{\"name\":\"cloister\",\"ph\":\"i\",\"s\":\"g\",\"ts\":0,\"pid\":0,\"tid\":0,\"args\":{\"version\":\""u8)
            .Json(header.Version).Add("\",\"program\":\""u8).Json(string.Join(' ', header.Program))
            .Add("\",\"engine\":\""u8).Add(header.Engine).Add("\",\"isolation\":\""u8).Add(header.Isolation).Add("\"}}"u8);
        Name(line, 0, "the driver's own threads");
        _ = line.Add("\n"u8);
    }

    public void Write(Utf8Line line, in TraceEvent e)
    {
        if (e.Process != 0 && _named.Add(e.Process))
        {
            Name(line, e.Process, $"process {e.Process}");
        }

        if (e is { Kind: TraceKinds.Process, Name: "exec", Detail: { } path })
        {
            Name(line, e.Process, path);
        }

        // What tells how long a thread was inside ends it.
        bool isInside = e.Kind is TraceKinds.Exit or TraceKinds.Enclu && e.Duration >= 0;
        if (isInside)
        {
            Start(line, $"enclave {e.Enclave}", "inside", e.Time - e.Duration, e.Duration, in e);
            _ = line.Add("\"ended\":\""u8).Json(e.Kind == TraceKinds.Exit ? "AEX " + e.Detail : e.Name).Add("\"}}"u8);
        }

        Start(line, e.Name, TraceNames.Of(e.Kind), isInside || e.Duration < 0 ? e.Time : e.Time - e.Duration, isInside ? -1
            : e.Duration, in e);
        _ = line.Add("\"enclave\":"u8).Add((long)e.Enclave).Add(",\"address\":\""u8).Hex(e.Address).Add("\""u8);
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

        _ = line.Add(",\"count\":"u8).Add(e.Count).Add(e.Earlier ? ",\"earlier\":true}}\n" : "}}\n");
    }

    public void End(Utf8Line line, long time, int? exitStatus, int? signal) => line.Add("]\n"u8);

    private static void Start(Utf8Line line, string name, string category, long time, long duration, in TraceEvent e)
    {
        _ = line.Add(",{\"name\":\""u8).Json(name).Add("\",\"cat\":\""u8).Add(category).Add("\",\"ts\":"u8).Scaled(time, 1000, 3);
        _ = duration >= 0 ? line.Add(",\"ph\":\"X\",\"dur\":"u8).Scaled(duration, 1000, 3) : line.Add(",\"ph\":\"i\",\"s\":\"t\""u8);
        _ = line.Add(",\"pid\":"u8).Add(e.Process).Add(",\"tid\":"u8).Add(e.Thread).Add(",\"args\":{"u8);
    }

    private static void Name(Utf8Line line, int process, string name) =>
        line.Add(",{\"name\":\"process_name\",\"ph\":\"M\",\"ts\":0,\"pid\":"u8).Add(process).Add(",\"tid\":0,\"args\":{\"name\":\""u8)
        .Json(name).Add("\"}}"u8);
}
