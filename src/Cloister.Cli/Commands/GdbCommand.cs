using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Cloister.Cli.Debugging;
using Cloister.Cli.Looking;
using Cloister.Linux;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister gdb</c>: gdb on a program and its enclaves.</summary>
/// <remarks>gdb and the run are two processes of this one: what traces a program must have no other children.</remarks>
internal static class GdbCommand
{
    private const string Pipe = "--pipe";
    private const int PollMilliseconds = 20;

    // gdb's own, which may have one dash or two, and those of them that have a value.
    private static readonly string[] s_plain = ["batch", "q", "quiet", "silent", "nx", "nh", "n", "tui", "return-child-result"];
    private static readonly string[] s_valued = ["x", "ex", "ix", "iex", "command", "eval-command", "init-command", "init-eval-command",
        "d", "directory", "i", "interpreter"];

    /// <summary>Its entry in the table of commands; <see cref="Execute"/> reads the arguments itself.</summary>
    public static Command Create()
    {
        var command = new Command("gdb", """
            Debug a program and its enclaves with gdb: break and step inside, with symbols, registers, threads.
            PROGRAM is started as `cloister run` does, whose options may come before it; PID is a run that is under way, or one of its processes.
            """);
        command.Options.Add(new Option<string>("-ex")
        {
            HelpName = "COMMAND",
            Description = "A command for gdb. -x FILE, -batch, -q, -nx, -tui and others of gdb's own are passed on too, before `cloister run`'s.",
        });
        command.Options.Add(new Option<bool>("--script")
        {
            Description = "Print what gdb is told about enclaves, for a gdb that is started otherwise: `info enclave`, `info epcm`, `info tcs`, `info ssa`.",
        });
        command.Arguments.Add(new Argument<string[]>("PROGRAM|PID") { Description = "The program and its arguments, or a process." });
        command.SetAction(_ => Failure.Internal);
        return command;
    }

    /// <summary>Does it.</summary>
    /// <param name="arguments">What follows <c>gdb</c>.</param>
    /// <returns>The exit status: gdb's.</returns>
    public static int Execute(ReadOnlySpan<string> arguments)
    {
        switch (arguments)
        {
            case [Pipe, var process] when TryProcess(process, out int id):
                return LookOptions.Guard(() => GdbPipe.Run(id));
            case ["--script"]:
                Console.Out.Write(GdbScript.Text);
                return 0;
        }

        List<string> own = [];
        int at = 0;
        for (; at < arguments.Length && arguments[at].StartsWith('-') && arguments[at] != "--"; at++)
        {
            string name = arguments[at].TrimStart('-');
            if (s_plain.Contains(name))
            {
                own.Add("-" + name);
            }
            else if (s_valued.Contains(name))
            {
                if (at + 1 == arguments.Length)
                {
                    return Failure.Report($"gdb: {arguments[at]} needs a value", Failure.Usage);
                }

                own.AddRange(["-" + name, arguments[++at]]);
            }
            else
            {
                break;
            }
        }

        string[] rest = arguments[at..].ToArray();
        if (rest.Length == 0 || rest is ["-h" or "--help"])
        {
            return CommandLine.Execute(["gdb", "--help"]) is var shown && rest.Length > 0 ? shown
                : Failure.Report("gdb: a program or a process is needed", Failure.Usage);
        }

        if (Misplaced(rest) is { } misplaced)
        {
            return Failure.Report($"gdb: {misplaced}", Failure.Usage);
        }

        string? debugger = ProgramPath.Find("gdb");
        if (debugger is null)
        {
            return Failure.Report("gdb: there is no gdb in PATH; Debian's package is gdb", Failure.Unavailable);
        }

        string folder = Directory.CreateTempSubdirectory("cloister-gdb-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "enclaves.gdb"), GdbScript.Text);
            own.InsertRange(0, ["-iex", "set sysroot", "-x", Path.Combine(folder, "enclaves.gdb")]);
            return rest is [var text] && TryProcess(text, out int process) ? Attach(debugger, own, process)
                : Start(debugger, own, rest, Path.Combine(folder, "gdb.socket"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // What gdb itself understands, and this command in another order.
    private static string? Misplaced(string[] rest) => rest switch
    {
        [['-', ..] option, ..] when option.TrimStart('-').Split('=')[0] is "p" or "pid" =>
            "a process stands by itself: `cloister gdb PID`",
        [var process, ['-', ..], ..] when TryProcess(process, out _) && ProgramPath.Find(process) is null =>
            $"gdb's options stand before the process: `cloister gdb {string.Join(' ', rest[1..])} {process}`",
        _ => null,
    };

    private static bool TryProcess(string text, out int process) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out process);

    private static int Attach(string debugger, List<string> own, int process)
    {
        string pipe = string.Join(' ', OwnProgram.Command.Select(word => $"'{word}'"));
        return LookOptions.Guard(() =>
        {
            LookClient.Connect(process, out _).Dispose();
            return Gdb(debugger, own, $"target remote | exec {pipe} gdb {Pipe} {process}").Ended();
        });
    }

    private static int Start(string debugger, List<string> own, string[] rest, string socket)
    {
        using Process run = Started(OwnProgram.Command[0], [.. OwnProgram.Command.Skip(1), "run", "--quiet", "--gdb", socket, .. rest],
            (DebugTerminal.Variable, TerminalGroup.Current is not 0 and var group && group == TerminalGroup.Of(0)
                ? group.ToString(CultureInfo.InvariantCulture) : "0"));
        while (!File.Exists(socket))
        {
            if (run.WaitForExit(PollMilliseconds))
            {
                return run.ExitCode;
            }
        }

        using Process gdb = Gdb(debugger, own, $"target remote {socket}");
        int status = gdb.Ended();
        if (File.Exists(socket))
        {
            // It never came, and the program would wait for ever: nothing of it has run.
            run.Kill();
        }

        run.WaitForExit();
        return status;
    }

    private static Process Gdb(string debugger, List<string> own, string target) =>
        Started(debugger, [.. own[..4], "-ex", target, .. own[4..]]);

    private static Process Started(string program, IReadOnlyList<string> arguments, (string Name, string Value)? variable = null)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false };
        if (variable is var (name, value))
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    // What is typed is gdb's, Ctrl-C as well.
    private static int Ended(this Process process)
    {
        using var interrupt =
            System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGINT,
                context => context.Cancel = true);
        process.WaitForExit();
        return process.ExitCode;
    }
}
