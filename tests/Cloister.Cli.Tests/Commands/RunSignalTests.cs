using Cloister.Cli.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Cli.Tests.Commands;

/// <summary>Signals sent to Cloister, to its group and to what it runs.</summary>
public class RunSignalTests
{
    // Perl runs a handler between two operations, so a signal just before a read would be noticed after it: the wait has an end.
    private const string UntilEnd =
        "syswrite(STDOUT, \"ready\\n\"); while (1) { $r = ''; vec($r, 0, 1) = 1; next unless select($r, undef, undef, 0.05) > 0; last unless sysread(STDIN, $x, 100) }";

    [Theory]
    [InlineData(Signal.SIGINT)]
    [InlineData(Signal.SIGQUIT)]
    [InlineData(Signal.SIGTERM)]
    [InlineData(Signal.SIGHUP)]
    public void A_signal_to_the_group_reaches_the_program_once(int signal)
    {
        using CloisterProcess process = CloisterProcess.Start("run", "--", "perl", "-e",
            "$n = 0; $SIG{$_} = sub { $n++; syswrite(STDOUT, \"got\\n\") } for qw(INT QUIT TERM HUP); " + UntilEnd + " exit $n");
        Assert.Equal("ready", process.ReadLine());
        process.SignalGroup(signal);
        Assert.Equal("got", process.ReadLine());

        // Whatever was passed on besides has come before a line that is asked for now.
        CloisterProcess.Outcome outcome = process.Finish();
        Assert.Equal((1, ""), (outcome.Status, outcome.Output));
    }

    [Theory]
    [InlineData("INT", Signal.SIGINT)]
    [InlineData("TERM", Signal.SIGTERM)]
    [InlineData("HUP", Signal.SIGHUP)]
    [InlineData("USR1", Signal.SIGUSR1)]
    [InlineData("USR2", Signal.SIGUSR2)]
    public void A_signal_to_Cloister_alone_is_passed_on(string name, int signal)
    {
        using CloisterProcess process = CloisterProcess.Start("run", "--", "perl", "-e",
            $"$SIG{{{name}}} = sub {{ syswrite(STDOUT, \"got\\n\"); exit 6 }}; " + UntilEnd);
        Assert.Equal("ready", process.ReadLine());
        process.Signal(signal);
        Assert.Equal("got", process.ReadLine());
        Assert.Equal(6, process.Finish().Status);
    }

    [Fact]
    public void Control_C_ends_a_program_that_does_not_handle_it_and_Cloister()
    {
        using CloisterProcess process = CloisterProcess.Start("run", "--", "sh", "-c", "echo $$; exec cat");
        int program = int.Parse(process.ReadLine());
        process.SignalGroup(Signal.SIGINT);
        Assert.Equal(128 + Signal.SIGINT, process.AwaitEnd().Status);
        CloisterProcess.AwaitEnd(program);
    }

    [Fact]
    public void When_Cloister_is_killed_the_program_and_its_children_die()
    {
        using CloisterProcess process =
            CloisterProcess.Start("run", "--", "sh", "-c", "exec 3<&0; sh -c 'echo $$; exec cat <&3' & echo $$; wait");
        int[] programs = [int.Parse(process.ReadLine()), int.Parse(process.ReadLine())];
        process.Signal(Signal.SIGKILL);
        Assert.All(programs, CloisterProcess.AwaitEnd);
    }

    [Fact]
    public void When_the_program_has_ended_a_signal_to_Cloister_ends_what_it_left_running()
    {
        using CloisterProcess process =
            CloisterProcess.Start("run", "--", "sh", "-c", "exec 3<&0; echo $$; sh -c 'echo $$; exec cat <&3' & exit 0");
        int[] programs = [int.Parse(process.ReadLine()), int.Parse(process.ReadLine())];
        CloisterProcess.AwaitEnd(programs[0]);
        process.Signal(Signal.SIGTERM);
        Assert.Equal(128 + Signal.SIGTERM, process.AwaitEnd().Status);
        Assert.All(programs, CloisterProcess.AwaitEnd);
    }

    [Fact]
    public void What_was_to_be_ignored_stays_ignored()
    {
        using CloisterProcess process = CloisterProcess.StartUnder(["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"],
            ["run", "--", "sh", "-c", "kill -HUP $$; echo alive"]);
        Assert.Equal("alive\n", process.Finish().Output);
    }

    [Fact]
    public void Stopping_and_continuing_the_program_works()
    {
        using CloisterProcess process =
            CloisterProcess.Start("run", "--", "sh", "-c", "(echo child $$; kill -STOP $$; echo on) ; echo end");
        string line = process.ReadLine();
        int program = int.Parse(line.Split(' ')[1]);
        SpinWait.SpinUntil(() => HostKernel.StatusField(program, "State:") is { } state && state.StartsWith('t'), TimeSpan.FromSeconds(30));
        Assert.Equal(Errno.None, HostKernel.Kill(program, Signal.SIGCONT));
        CloisterProcess.Outcome outcome = process.Finish();
        Assert.Equal((0, "on\nend\n"), (outcome.Status, outcome.Output));
    }
}
