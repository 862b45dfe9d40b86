using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Cloister.Architecture;
using Cloister.Cli.Looking;

namespace Cloister.Cli.Commands;

/// <summary>cloister top: what runs do each second.</summary>
internal static class TopCommand
{
    // ECMA-48: the cursor to the beginning (CUP), and all from it on empty (ED).
    private const string Clear = "\x1b[H\x1b[J";

    public static Command Create()
    {
        var delay = new Option<double>("--delay")
        {
            HelpName = "SECONDS",
            Description = "Between two looks.",
            DefaultValueFactory = _ => 2,
        };
        var count = new Option<int?>("--count")
        {
            HelpName = "NUMBER",
            Description = "End after so many looks. By default it goes on until it is ended.",
        };
        var command = new Command("top",
            "Show what the runs of this user do each second. Entries and exits are counted since it first looks.") { delay, count };
        command.SetAction(parsed => LookOptions.Guard(() =>
        {
            if (parsed.GetValue(delay) is not (>= 0.1 and <= 3600))
            {
                return Failure.Report("top: --delay: from 0.1 to 3600 seconds", Failure.Usage);
            }

            using var end = new ManualResetEventSlim();
            using var interruption = Interruption.Of(end.Set);
            bool isTerminal = Terminal.HasColours;
            var before = new Dictionary<int, Sample>();
            for (int looks = 0; parsed.GetValue(count) is not { } most || looks < most; looks++)
            {
                Dictionary<int, Sample> now = Look();
                if (isTerminal)
                {
                    Console.Write(Clear);
                }

                Print(before, now);
                before = now;
                if (looks + 1 != parsed.GetValue(count) && end.Wait(TimeSpan.FromSeconds(parsed.GetValue(delay))))
                {
                    break;
                }
            }

            return 0;
        }));
        return command;
    }

    private static Dictionary<int, Sample> Look()
    {
        var all = new Dictionary<int, Sample>();
        foreach ((int pid, MachineLook? machine) in LookClient.All())
        {
            try
            {
                if (machine is not null)
                {
                    using JsonDocument answer = LookClient.Ask(pid, new LookRequest(LookVerb.Stats));
                    all[pid] = Sample.Of(machine, answer.RootElement);
                }
            }
            catch (Exception e) when (e is LookException or JsonException or KeyNotFoundException or InvalidOperationException)
            {
                // It has ended, or is of another version.
            }
        }

        return all;
    }

    private static void Print(Dictionary<int, Sample> before, Dictionary<int, Sample> now)
    {
        List<string[]> rows = [["PID", "EPC", "USED", "ENCLAVES", "INSIDE", .. Sample.Names.Select(name => $"{name}/s"), "COMMAND"]];
        foreach ((int pid, Sample sample) in now.OrderByDescending(
            one => before.TryGetValue(one.Key, out Sample? last) ? one.Value.Rate(last, 0) : 0).ThenBy(one => one.Key))
        {
            _ = before.TryGetValue(pid, out Sample? last);
            MachineLook machine = sample.Machine;
            rows.Add(
            [
                $"{pid}",
                SizeText.Of((long)machine.EpcPagesTotal * LinearAddress.PageSize),
                SizeText.Of((long)(machine.EpcPagesTotal - machine.EpcPagesFree) * LinearAddress.PageSize),
                $"{machine.Enclaves.Count}",
                $"{machine.Enclaves.Sum(enclave => enclave.ThreadsInside)}",
                .. Sample.Names.Select((_, i) => last is null ? "" : sample.Rate(last, i).ToString("f0", CultureInfo.InvariantCulture)),
                PrintableText.Of(string.Join(' ', machine.Command)),
            ]);
        }

        LookOptions.Print(rows);
    }

    /// <summary>What a run had done at a moment.</summary>
    private sealed record Sample(MachineLook Machine, double Seconds, double ObservedFrom, double CountedFrom, long[] Counts)
    {
        /// <summary>What is counted.</summary>
        public static string[] Names { get; } = ["EENTER", "AEX", "FAULTS", "EWB", "ELDU", "IOCTLS", "STOPS"];

        public static Sample Of(MachineLook machine, JsonElement look)
        {
            JsonElement counts = look.GetProperty("statistics");
            long entries = 0, exits = 0;
            foreach (JsonElement thread in counts.GetProperty("threads").EnumerateArray().Select(one => one.GetProperty("counts")))
            {
                entries += thread.GetProperty("entries").GetInt64() + thread.GetProperty("fastEntries").GetInt64();
                exits += thread.GetProperty("aex").EnumerateObject().Sum(cause => cause.Value.GetInt64());
            }

            return new Sample(machine, look.GetProperty("seconds").GetDouble(), look.GetProperty("observedFrom").GetDouble(),
                look.GetProperty("countedFrom").GetDouble(),
            [
                entries,
                exits,
                counts.GetProperty("pageFaults").GetInt64(),
                counts.GetProperty("pagesEvicted").GetInt64(),
                counts.GetProperty("pagesLoaded").GetInt64(),
                counts.GetProperty("ioctls").GetInt64(),
                counts.GetProperty("stopsForSystemCalls").GetInt64() + counts.GetProperty("stopsForSignals").GetInt64()
                    + counts.GetProperty("stopsForOtherEvents").GetInt64(),
            ]);
        }

        /// <summary>How often each second since another moment; from the reset where one came in between.</summary>
        public double Rate(Sample before, int which)
        {
            bool isReset = ObservedFrom > before.ObservedFrom || CountedFrom > before.CountedFrom;
            double since = isReset ? Math.Max(ObservedFrom, CountedFrom) : before.Seconds;
            return Seconds > since ? (Counts[which] - (isReset ? 0 : before.Counts[which])) / (Seconds - since) : 0;
        }
    }
}
