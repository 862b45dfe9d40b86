using System.CommandLine;
using Cloister.Cli.Demo;
using Cloister.Cli.Journal;
using Cloister.Cli.Lab;
using Cloister.Engine;
using Cloister.Engine.Options;
using Sgx2Sample;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister demo</c>: runs the sample on the machine and shows what happened, page by page.</summary>
internal static class DemoCommand
{
    private const string Name = "demo", ProgramName = "program";

    public static Command Create()
    {
        var svg = new Option<FileInfo?>("--svg")
        {
            Description = "Draw the enclave's pages and what happened to them there.",
            HelpName = "FILE",
        };
        var output = new OutputOption();
        var command = new Command(Name, "Run a small SGX2 program on the machine, and show what happened, page by page.")
        { svg, output, CreateProgram() };
        command.SetAction(result => Run(result.GetValue(svg)));
        return command;
    }

    // What runs on the machine: samples/sgx2. With SGX it runs without one as well,
    // which is of little use by hand, and so it is not listed.
    private static Command CreateProgram()
    {
        var command = new Command(ProgramName, "The program of the demo.") { Hidden = true };
        command.SetAction(_ => Walk.Execute(Console.Out, Console.Error));
        return command;
    }

    private static int Run(FileInfo? svg)
    {
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
        ProgramEnd end = tracer.Run([.. OwnProgram.Command, Name, ProgramName]);
        if (end.ExitStatus != 0)
        {
            return Failure.Report(end.Signal is { } signal ? $"the sample was ended by signal {signal}"
                : $"the sample failed, exit status {end.ExitStatus}", end.ExitStatus ?? Failure.Internal);
        }

        chart?.Write(PageDrawing.Draw(journal));
        PageReport.Write(journal, Terminal.Output);
        Console.Out.WriteLine($"EPC pages free: {tracer.Driver.Statistics.EpcPagesFree} of {tracer.Driver.Statistics.EpcPagesTotal}");
        return 0;
    }
}
