using System.CommandLine;
using Cloister.Cli.Reporting;
using Cloister.Linux;

namespace Cloister.Cli.Commands;

/// <summary>cloister report TRACE: a page of HTML of what a run did.</summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        var trace = new Argument<FileInfo>("TRACE")
        {
            Description = "A trace of JSON lines: `run --trace FILE.jsonl`. It may be of a run that goes on, or was killed.",
        };
        var command = new Command("report",
            "Make a page of HTML of a trace, which needs nothing besides itself: what happened when, EPC over time, enclaves' pages step by step, hottest pages, how things ended, what went wrong and its usual causes.") { trace };
        command.Options.Add(new OutputOption());
        command.SetAction((parsed, cancellation) => Task.FromResult(Failing.Guard(parsed.GetValue(trace)!.ToString(), () =>
        {
            FileInfo file = InputFile.Of(parsed.GetValue(trace)!.ToString());
            var digest = new TraceDigest();
            using (var stream = new FileStream(InputFile.Ordinary(file), new FileStreamOptions
            {
                Mode = FileMode.Open,
                Access = FileAccess.Read,
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
            }))
            {
                TraceReader.Read(stream, digest, cancellation);
            }

            using var output = new StreamWriter(StandardStream.Output, bufferSize: 1 << 16);
            output.Write(ReportPage.Render(digest, ReportPage.Template()));
            return 0;
        })));
        return command;
    }
}
