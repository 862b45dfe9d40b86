using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Cloister.Architecture;
using Cloister.Cli.Looking;

namespace Cloister.Cli.Commands;

/// <summary>cloister ps: the runs of this user, and their enclaves.</summary>
internal static class PsCommand
{
    public static Command Create()
    {
        Option<bool> json = LookOptions.Json();
        var command = new Command("ps", "List the runs of this user that are under way, and their enclaves.") { json };
        command.Options.Add(new OutputOption());
        command.SetAction(parsed => LookOptions.Guard(() =>
        {
            IReadOnlyList<(int Pid, MachineLook? Machine)> all = LookClient.All();
            if (parsed.GetValue(json))
            {
                JsonOutput.Print(writer =>
                {
                    writer.WriteStartArray("runs");
                    foreach ((int pid, MachineLook? machine) in all)
                    {
                        JsonSerializer.Serialize(writer, machine ?? MachineLook.Silent(pid), LookJson.Default.MachineLook);
                    }

                    writer.WriteEndArray();
                });
                return 0;
            }

            Print(all);
            return 0;
        }));
        return command;
    }

    private static void Print(IReadOnlyList<(int Pid, MachineLook? Machine)> all)
    {
        List<string[]> rows = [["PID", "PROGRAM", "SECONDS", "ENGINE", "EPC", "USED", "ENCLAVES", "THREADS", "INSIDE", "COMMAND"]];
        foreach ((int pid, MachineLook? machine) in all)
        {
            rows.Add(machine is null
                ? [$"{pid}", "", "", "", "", "", "", "", "", "(does not answer)"]
                :
                [
                    $"{pid}",
                    machine.Program == 0 ? "" : $"{machine.Program}",
                    machine.Seconds.ToString("f1", CultureInfo.InvariantCulture),
                    PrintableText.Of(machine.Engine),
                    SizeText.Of((long)machine.EpcPagesTotal * LinearAddress.PageSize),
                    SizeText.Of((long)(machine.EpcPagesTotal - machine.EpcPagesFree) * LinearAddress.PageSize),
                    $"{machine.Enclaves.Count}",
                    $"{machine.Processes.Sum(process => process.Threads.Count)}",
                    $"{machine.Enclaves.Sum(enclave => enclave.ThreadsInside)}",
                    PrintableText.Of(string.Join(' ', machine.Command)),
                ]);
        }

        LookOptions.Print(rows);
        foreach (MachineLook machine in all.Select(one => one.Machine).OfType<MachineLook>())
        {
            foreach (EnclaveLook enclave in machine.Enclaves)
            {
                Console.WriteLine($"{machine.Pid}: {Line(enclave)}");
            }
        }
    }

    /// <summary>An enclave in a line.</summary>
    public static string Line(EnclaveLook enclave) => PrintableText.Of(string.Create(CultureInfo.InvariantCulture,
        $"enclave {enclave.Enclave} at {enclave.Base}, {SizeText.Of((long)Math.Min(enclave.Size, long.MaxValue))}, {enclave.State}{(enclave.Debug ? ", debug" : "")}: {enclave.PagesInEpc} of {enclave.Pages} pages in the EPC, {enclave.ThreadsInside} {(enclave.ThreadsInside == 1 ? "thread" : "threads")} inside{(enclave.Mrenclave is { } measured ? $", MRENCLAVE {measured}" : "")}"));
}
