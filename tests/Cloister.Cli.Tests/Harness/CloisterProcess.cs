using System.Diagnostics;
using Cloister.Linux;

namespace Cloister.Cli.Tests.Harness;

/// <summary>
/// The built command, run as a process of its own in a session of its own, so that signals to its group reach no one else.
/// </summary>
internal sealed class CloisterProcess : IDisposable
{
    private const double PatienceSeconds = 180;

    // Whoever runs the tests may have signals ignored (nohup, a job in the background), which would be inherited.
    private const string DefaultSignals = "@SIG{qw(HUP INT QUIT TERM USR1 USR2 PIPE)} = ('DEFAULT') x 7; exec @ARGV or die";
    private readonly Process _process;

    private CloisterProcess(Process process) => _process = process;

    /// <summary>The file of the command under test.</summary>
    public static string CommandFile { get; } = Path.Combine(AppContext.BaseDirectory, "cloister.dll");

    // CLOISTER_TESTED is another build of it: the native program.
    private static string[] Command { get; } = Environment.GetEnvironmentVariable("CLOISTER_TESTED") is { Length: > 0 } program ? [program]
        : ["dotnet", CommandFile];

    public int Id => _process.Id;

    /// <summary>Starts <c>cloister ARGUMENTS</c>.</summary>
    public static CloisterProcess Start(params string[] arguments) => StartUnder([], arguments);

    /// <summary>Starts it by another program: <c>PREFIX dotnet cloister.dll ARGUMENTS</c>.</summary>
    public static CloisterProcess StartUnder(string[] prefix, string[] arguments, Action<ProcessStartInfo>? adjust = null)
    {
        var start = new ProcessStartInfo("setsid", ["perl", "-e", DefaultSignals, .. prefix, .. Command, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Whoever runs the tests may have options of their own.
        start.Environment["CLOISTER_CONFIG"] = "";
        start.Environment.Remove("CLOISTER_OPTIONS");
        adjust?.Invoke(start);
        return new CloisterProcess(Process.Start(start)!);
    }

    /// <summary>Runs <c>cloister ARGUMENTS</c> to its end with an input.</summary>
    public static Outcome Run(string[] arguments, string input = "", Action<ProcessStartInfo>? adjust = null)
    {
        using CloisterProcess process = StartUnder([], arguments, adjust);
        return process.Finish(input);
    }

    /// <summary>Runs a shell's script under <c>cloister run</c>.</summary>
    public static Outcome RunScript(string script, string input = "") => Run(["run", "--", "sh", "-c", script], input);

    /// <summary>Writes the input, closes it, and waits for the end.</summary>
    public Outcome Finish(string input = "")
    {
        Task<string> output = _process.StandardOutput.ReadToEndAsync(), error = _process.StandardError.ReadToEndAsync();
        try
        {
            _process.StandardInput.Write(input);
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It did not read its input to the end.
        }

        Assert.True(Patience.WaitForExit(_process, PatienceSeconds), "Cloister hangs");
        return new Outcome(_process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Waits for its end while its input stays open.</summary>
    public Outcome AwaitEnd()
    {
        Assert.True(Patience.WaitForExit(_process, PatienceSeconds), "Cloister hangs");
        return Finish();
    }

    /// <summary>The next line of its output.</summary>
    public string ReadLine()
    {
        Task<string?> line = _process.StandardOutput.ReadLineAsync();
        Assert.True(Patience.Until(milliseconds => line.Wait(milliseconds), PatienceSeconds), "Cloister or the program hangs");
        return line.Result ?? "";
    }

    /// <summary>Sends a signal to the process.</summary>
    public void Signal(int signal) => Assert.Equal(Errno.None, HostKernel.Kill(_process.Id, signal));

    /// <summary>Sends a signal to the process and all in its group, as a terminal does.</summary>
    public void SignalGroup(int signal) => Assert.Equal(Errno.None, HostKernel.Kill(-_process.Id, signal));

    /// <summary>Waits until a process is gone, or is only waited for by its parent.</summary>
    public static void AwaitEnd(int process)
    {
        Assert.True(Patience.Until(milliseconds => SpinWait.SpinUntil(() => HasEnded(process), milliseconds), PatienceSeconds),
            $"process {process} lives on");

        static bool HasEnded(int process) => HostKernel.StatusField(process, "State:") is not { } state || state.StartsWith('Z')
            || state.StartsWith('X');
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _ = HostKernel.Kill(-_process.Id, Linux.Signal.SIGKILL);
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    /// <summary>How it ended and what it said.</summary>
    internal sealed record Outcome(int Status, string Output, string Error);
}
