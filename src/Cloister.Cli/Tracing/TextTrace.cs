using System.Globalization;

namespace Cloister.Cli.Tracing;

/// <summary>A line for each event, in the manner of strace: thread, time, what, how it ended, how long it took.</summary>
internal sealed class TextTrace : ITraceFormat
{
    public void Begin(Utf8Line line, TraceHeader header) => line.Add(string.Create(
        CultureInfo.InvariantCulture,
        $"# cloister {header.Version}, engine {header.Engine}, isolation {header.Isolation}, interface {header.Interface}, {header.Started:yyyy-MM-ddTHH:mm:ss.fffZ}\n# {string.Join(' ', header.Program).ReplaceLineEndings(" ")}\n# thread, seconds, what, <seconds it took>\n"));

    public void Write(Utf8Line line, in TraceEvent e)
    {
        if (e.Thread == 0)
        {
            _ = line.Add("driver"u8);
        }
        else
        {
            _ = line.Add(e.Thread);
        }

        _ = line.Add("  "u8)
            .Scaled(e.Time - (e.Kind is TraceKinds.Ioctl or TraceKinds.Fault ? Math.Max(e.Duration, 0) : 0), 1_000_000_000, 9).Add("  "u8);
        switch (e.Kind)
        {
            case TraceKinds.Ioctl:
                Outcome(line.Add("ioctl("u8).Add(e.Name).Add(", "u8).Hex(e.Address).Add(")"u8), in e);
                break;
            case TraceKinds.Enclu or TraceKinds.Encls or TraceKinds.Paging:
                Outcome(Operand(line.Add(e.Name).Add("("u8), in e).Add(")"u8), in e);
                _ = e.Page is null ? line : line.Add("  "u8).Add(e.Page);
                break;
            case TraceKinds.Fault:
                Outcome(line.Add("page fault("u8).Add(e.Detail ?? "").Add(" "u8).Hex(e.Address).Add(")"u8), in e);
                break;
            case TraceKinds.Mapping:
                Outcome(line.Add(e.Name).Add("("u8).Hex(e.Address).Add(", "u8).Hex(e.Length).Add(e.Detail is null ? "" : ", " + e.Detail)
                    .Add(")"u8), in e);
                break;
            case TraceKinds.Exit:
                _ = At(line.Add("--- AEX "u8).Add(e.Detail ?? ""), in e).Add(" ---"u8);
                break;
            case TraceKinds.Exception:
                _ = At(line.Add("--- "u8).Add(e.Name), in e).Add(" -> "u8).Add(e.Outcome ?? "").Add(" ---"u8);
                break;
            case TraceKinds.Signal:
                _ = line.Add("--- "u8).Add(e.Name).Add(" ---"u8);
                break;
            case TraceKinds.Fast:
                _ = line.Add("... "u8).Add(e.Count).Add(" "u8).Add(e.Name).Add(" without a stop, since the machine looked last ..."u8);
                break;
            default:
                _ = line.Add("+++ "u8).Add(e.Name).Add(e.Detail is null ? "" : " " + e.Detail.ReplaceLineEndings(" ")).Add(" +++"u8);
                break;
        }

        if (e.Enclave != 0)
        {
            _ = line.Add("  enclave "u8).Add((long)e.Enclave);
        }

        if (e.Count > 1 && e.Kind != TraceKinds.Fast)
        {
            _ = line.Add("  "u8).Add(e.Count).Add(" times"u8);
        }

        if (e.Earlier)
        {
            _ = line.Add("  earlier"u8);
        }

        if (e.Duration >= 0)
        {
            _ = line.Add(e.Kind is TraceKinds.Exit or TraceKinds.Enclu ? "  inside <"u8 : "  <"u8)
                .Scaled(e.Duration, 1_000_000_000, 9).Add(">"u8);
        }

        _ = line.Add("\n"u8);
    }

    public void End(Utf8Line line, long time, int? exitStatus, int? signal) => line.Add("# "u8).Scaled(time, 1_000_000_000, 9)
        .Add(signal is { } number ? $" ended by {MachineNames.OfSignal(number)}\n" : $" ended with exit status {exitStatus}\n");

    private static Utf8Line Operand(Utf8Line line, in TraceEvent e) => e.Address == 0 ? line
        : e.Length == 0 ? line.Hex(e.Address) : line.Hex(e.Address).Add(", "u8).Hex(e.Length);

    private static Utf8Line At(Utf8Line line, in TraceEvent e) => e.Address == 0 ? line : line.Add(" "u8).Hex(e.Address);

    private static void Outcome(Utf8Line line, in TraceEvent e) => _ = line.Add(" = "u8).Add(e.Outcome ?? "?");
}
