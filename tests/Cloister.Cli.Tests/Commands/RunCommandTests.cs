using Cloister.Cli.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Cli.Tests.Commands;

/// <summary>Programs under <c>cloister run</c> behave as without it.</summary>
public class RunCommandTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(77)]
    [InlineData(255)]
    public void The_exit_status_is_the_programs(int status) => Assert.Equal(status, CloisterProcess.RunScript($"exit {status}").Status);

    [Theory]
    [InlineData("TERM", Signal.SIGTERM)]
    [InlineData("KILL", Signal.SIGKILL)]
    [InlineData("SEGV", Signal.SIGSEGV)]
    [InlineData("PIPE", Signal.SIGPIPE)]
    [InlineData("INT", Signal.SIGINT)]
    public void A_signal_that_ends_the_program_ends_Cloister(string name, int signal)
    {
        // A shell tells only 128 + n. `wait` of perl, which Debian always has, tells whether it was a signal.
        using CloisterProcess process =
            CloisterProcess.StartUnder(["perl", "-e", "system(@ARGV); print $? & 127"], ["run", "--", "sh", "-c", $"kill -{name} $$"]);
        Assert.Equal($"{signal}", process.Finish().Output);
    }

    [Fact]
    public void Standard_input_and_output_pass_through()
    {
        string input = string.Concat(Enumerable.Range(0, 200_000).Select(i => $"{i}\n"));
        CloisterProcess.Outcome outcome = CloisterProcess.RunScript("cat; echo problem >&2", input);
        Assert.Equal(input, outcome.Output);
        Assert.Equal("problem\n", outcome.Error);
    }

    [Fact]
    public void Arguments_arrive_as_they_were_given()
    {
        string[] arguments = ["", "two words", "--epc", "--", "*", "$HOME", "ä", "line\nbreak"];
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["run", "printf", "%s|", .. arguments]);
        Assert.Equal(string.Concat(arguments.Select(a => a + "|")), outcome.Output);
    }

    [Fact]
    public void Bytes_that_are_no_text_arrive_as_they_were_given()
    {
        using CloisterProcess process = CloisterProcess.StartUnder(
            ["sh", "-c", "exec \"$@\" \"$(printf '\\377\\376')\"", "sh"], ["run", "--", "sh", "-c", "printf %s \"$0\" | od -An -tx1"]);
        Assert.Equal("ff fe", process.Finish().Output.Trim());
    }

    // And the switch by which Intel's libraries ask AESM, unless the caller has set it.
    [Theory]
    [InlineData(null, "1")]
    [InlineData("mine", "mine")]
    [InlineData("", "")]
    public void The_environment_is_the_callers(string? aesm, string expectedAesm)
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["run", "--", "env"], adjust: start =>
        {
            string path = start.Environment["PATH"]!;
            start.Environment.Clear();
            start.Environment["PATH"] = path;
            start.Environment["HOME"] = "/";
            start.Environment["dotted.name"] = "1";
            start.Environment["BASH_FUNC_f%%"] = "() { :; }";
            start.Environment["EMPTY"] = "";
            if (aesm is not null)
            {
                start.Environment["SGX_AESM_ADDR"] = aesm;
            }
        });
        string[] expected = [$"PATH={Environment.GetEnvironmentVariable("PATH")}", "HOME=/", "dotted.name=1", "BASH_FUNC_f%%=() { :; }",
            "EMPTY=", $"SGX_AESM_ADDR={expectedAesm}"];
        Assert.Equal(expected.Order(), outcome.Output.TrimEnd('\n').Split('\n').Order());
    }

    [Fact]
    public void Several_children_run_and_are_waited_for()
    {
        CloisterProcess.Outcome outcome = CloisterProcess.RunScript(
            "for i in 1 2 3 4 5 6 7 8; do (exit $i) & list=\"$list $!\"; done; sum=0; for p in $list; do wait $p; sum=$((sum + $?)); done; exit $sum");
        Assert.Equal(36, outcome.Status);
    }

    [Fact]
    public void Pipelines_run() => Assert.Equal("1000\n", CloisterProcess.RunScript("seq 1 1000 | sort -rn | head -n 1").Output);

    [Fact]
    public void What_the_program_leaves_running_is_waited_for()
    {
        // The orphan ends when the input does, which is after its parent's end.
        CloisterProcess.Outcome outcome = CloisterProcess.RunScript("exec 3<&0; (cat <&3; echo late) & exit 5", "input\n");
        Assert.Equal((5, "input\nlate\n"), (outcome.Status, outcome.Output));
    }

    [Fact]
    public void A_chain_of_execs_stays_one_process()
    {
        CloisterProcess.Outcome outcome = CloisterProcess.RunScript(
            "echo $$; exec sh -c 'echo $$; exec env sh -c \"echo \\$\\$; exit 9\"'");
        string[] ids = outcome.Output.TrimEnd().Split('\n');
        Assert.Equal(9, outcome.Status);
        Assert.Equal(3, ids.Length);
        Assert.Single(ids.Distinct());
    }

    [Fact]
    public void A_script_runs_by_its_interpreter()
    {
        using var directory = new TemporaryDirectory();
        string script = directory.WriteProgram("script", "#!/bin/sh\necho \"$1\"\n"u8);
        Assert.Equal("argument\n", CloisterProcess.Run(["run", script, "argument"]).Output);
    }

    [Fact]
    public void The_limit_of_open_files_can_be_the_callers()
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["run", "--", "sh", "-c", "ulimit -Sn; echo ${CLOISTER_LIMITS-unset}"],
            adjust: start => start.Environment["CLOISTER_LIMITS"] = "7:123:456");
        Assert.Equal("123\nunset\n", outcome.Output);
    }

    [Fact]
    public void Statistics_show_that_the_EPC_is_free_at_the_end()
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(["run", "--stats", "--epc", "8M", "true"]);
        Assert.Contains("epc pages total: 2048\nepc pages free: 2048\n", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }

    [Fact]
    public void Nothing_is_left_in_shared_memory_or_among_the_processes()
    {
        string[] before = Directory.GetFileSystemEntries("/dev/shm");
        CloisterProcess.Outcome outcome = CloisterProcess.RunScript("echo $$; sh -c 'echo $$' & wait");
        Assert.Equal(before.Order(), Directory.GetFileSystemEntries("/dev/shm").Order());
        Assert.All(outcome.Output.TrimEnd().Split('\n'), id => CloisterProcess.AwaitEnd(int.Parse(id)));
    }

    [CompilerFact]
    public void Threads_and_processes_made_in_every_way_run()
    {
        using var directory = new TemporaryDirectory();
        string program = Compiler.Compile(directory, """
            #include <pthread.h>
            #include <spawn.h>
            #include <stdlib.h>
            #include <sys/wait.h>
            #include <unistd.h>
            extern char **environ;
            static int child(void)
            {
                int status, sum = 0;
                pid_t p = fork();
                if (!p) _exit(1);
                waitpid(p, &status, 0); sum += WEXITSTATUS(status);
                p = vfork();
                if (!p) _exit(2);
                waitpid(p, &status, 0); sum += WEXITSTATUS(status);
                char *arguments[] = { "sh", "-c", "exit 3", 0 };
                if (posix_spawnp(&p, "sh", 0, 0, arguments, environ)) abort();
                waitpid(p, &status, 0);
                return sum + WEXITSTATUS(status);
            }
            static void *body(void *argument)
            {
                long sum = 0;
                for (int i = 0; i < 5; i++) sum += child();
                return (void *)sum;
            }
            int main(void)
            {
                pthread_t threads[4];
                long sum = 0;
                void *one;
                for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, body, 0);
                for (int i = 0; i < 4; i++) { pthread_join(threads[i], &one); sum += (long)one; }
                return sum == 120 ? 42 : 1;
            }
            """);
        Assert.Equal(42, CloisterProcess.Run(["run", program]).Status);
    }

    [CompilerFact]
    public void CPUID_tells_of_SGX_and_of_SGX2_unless_told_otherwise()
    {
        using var directory = new TemporaryDirectory();
        string program = Compiler.Compile(directory, """
            #include <cpuid.h>
            int main(void)
            {
                unsigned a, b, c, d;
                __cpuid_count(7, 0, a, b, c, d);
                int sgx = b >> 2 & 1;
                __cpuid_count(0x12, 0, a, b, c, d);
                return sgx << 2 | (a & 3);
            }
            """);
        Assert.Equal(7, CloisterProcess.Run(["run", program]).Status);
        Assert.Equal(5, CloisterProcess.Run(["run", "--no-sgx2", program]).Status);
    }
}
