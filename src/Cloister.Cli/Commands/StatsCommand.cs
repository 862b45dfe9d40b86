using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Cloister.Cli.Looking;

namespace Cloister.Cli.Commands;

/// <summary>cloister stats PID: what a run has done so far.</summary>
internal static class StatsCommand
{
    public static Command Create()
    {
        Argument<int> process = LookOptions.Process();
        var reset = new Option<bool>("--reset")
        {
            Description = "Count anew from now on. What `run --stats` prints at the end is not changed by it.",
        };
        Option<bool> json = LookOptions.Json();
        var command = new Command("stats",
            "Say what a run has done so far. Calls, enclaves and threads are counted since it was first asked, or from the beginning under `run --stats`.") { process, reset, json };
        command.Options.Add(new OutputOption());
        command.SetAction(parsed => LookOptions.Guard(() =>
        {
            using JsonDocument answer =
                LookClient.Ask(parsed.GetValue(process), new LookRequest(LookVerb.Stats, Resets: parsed.GetValue(reset)));
            if (parsed.GetValue(json))
            {
                LookOptions.Print(answer.RootElement, "text");
                return 0;
            }

            JsonElement root = answer.RootElement;
            double now = root.GetProperty("seconds").GetDouble(), counted = root.GetProperty("countedFrom").GetDouble(),
                observed = root.GetProperty("observedFrom").GetDouble();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"second {now:f1} of the run; counts are from second {counted:f1}, those of calls, enclaves and threads from second {observed:f1}"));
            Console.WriteLine(string.Join('\n', (root.GetProperty("text").GetString() ?? "").Split('\n').Select(PrintableText.Of)));
            return 0;
        }));
        return command;
    }
}
