using System.CommandLine;
using Cloister.Cli.Looking;

namespace Cloister.Cli.Commands;

/// <summary>cloister metrics PID: what a run has done so far, for Prometheus.</summary>
internal static class MetricsCommand
{
    public static Command Create()
    {
        Argument<int> process = LookOptions.Process();
        var command = new Command("metrics",
            "Print what a run has done so far in Prometheus' text format, once; `run --metrics` serves it by HTTP. Enclaves and operations are counted since they were first asked for, or from the beginning under `run --metrics` and `--stats`.") { process };
        command.Options.Add(new OutputOption());
        command.SetAction(parsed => LookOptions.Guard(() =>
        {
            Console.Write(LookClient.Metrics(parsed.GetValue(process)));
            return 0;
        }));
        return command;
    }
}
