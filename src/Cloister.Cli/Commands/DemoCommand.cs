using System.CommandLine;
using Cloister.Cli.Demo;
using Cloister.Cli.Lab;
using Cloister.Engine;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister demo</c>: runs the sample on the machine and shows what happened, page by page.</summary>
internal static class DemoCommand
{
    // The script 'cloister' builds the sample there.
    private static readonly string Beside = Path.Combine(AppContext.BaseDirectory, "sample", "sgx2-sample.dll");

    public static Command Create()
    {
        var sample = new Option<FileInfo?>("--sample") { Description = "The sample's program file, when it is not beside this command.", HelpName = "FILE" };
        var svg = new Option<FileInfo?>("--svg") { Description = "Draw the enclave's pages and what happened to them there.", HelpName = "FILE" };
        var output = new OutputOption();
        var command = new Command("demo", "Run a small SGX2 program on the machine, and show what happened, page by page.") { sample, svg, output };
        command.SetAction(result => Run(result.GetValue(sample)?.ToString() ?? Beside, result.GetValue(svg)));
        return command;
    }

    private static int Run(string sample, FileInfo? svg)
    {
        if (!File.Exists(sample))
        {
            return Failure.Report($"the sample is not at {sample}; './cloister demo' in Cloister's directory builds it and runs it", Failure.Unavailable);
        }

        string? problem = null;
        using ChartFile? chart = svg is null ? null : ChartFile.Create(svg, out problem);
        if (problem is not null)
        {
            return Failure.Report($"demo: --svg {svg}: {problem}", Failure.InputOutput);
        }

        // In this mode every EENTER and EEXIT passes the model, and so the journal.
        using var tracer = new Tracer(new EngineOptions { Mode = EngineMode.Trap });
        var journal = new PageJournal(tracer.Machine, tracer.Machine.Observer);
        tracer.Machine.Observer = journal;
        ProgramEnd end = tracer.Run([Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet", sample]);
        if (end.ExitStatus != 0)
        {
            return Failure.Report(end.Signal is { } signal ? $"the sample was ended by signal {signal}" : $"the sample failed, exit status {end.ExitStatus}", end.ExitStatus ?? Failure.Internal);
        }

        chart?.Write(PageMap.Draw(journal));
        PageReport.Write(journal, Terminal.Output);
        Console.Out.WriteLine($"EPC pages free: {tracer.Driver.Statistics.EpcPagesFree} of {tracer.Driver.Statistics.EpcPagesTotal}");
        return 0;
    }
}
