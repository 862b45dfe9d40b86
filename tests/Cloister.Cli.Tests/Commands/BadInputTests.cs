using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Commands;

/// <summary>What cannot be done is said in one line, with an exit status of its own.</summary>
public class BadInputTests
{
    public static TheoryData<string[], int, string> CommandLines { get; } = new()
    {
        { ["run"], Failure.Usage, "no program to run" },
        { ["run", "--"], Failure.Usage, "no program to run" },
        { ["run", "--epc", "0", "true"], Failure.Usage, "needs an EPC" },
        { ["run", "--epc", "5000", "true"], Failure.Usage, "not a multiple of a page" },
        { ["run", "--epc=x", "true"], Failure.Usage, "not a size" },
        { ["run", "--epc=-4096", "true"], Failure.Usage, "not a size" },
        { ["run", "--epc", "7000G", "true"], Failure.Usage, "of memory" },
        { ["run", "--epc", "9223372036854771712", "true"], Failure.Usage, "more than" },
        { ["run", "--epc"], Failure.Usage, "needs a value" },
        { ["run", "--epc", "--", "true"], Failure.Usage, "needs a value" },
        { ["run", "--engine=slow", "true"], Failure.Usage, "trap and fast" },
        { ["run", "--isolation", "none", "true"], Failure.Usage, "strict and fast" },
        { ["run", "--against", "/nonexistent", "true"], Failure.Usage, "--against: /nonexistent: no such file" },
        { ["run", "--against", "/dev/zero", "true"], Failure.Usage, "not an ordinary file" },
        { ["run", "--against", "/bin/sh", "true"], Failure.Usage, "/bin/sh: an ELF file, but no enclave" },
        { ["run", "--stats=1", "true"], Failure.Usage, "there is text, json and no" },
        { ["run", "--unknown", "true"], Failure.Usage, "no option --unknown" },
        { ["run", "--no-sgx2=1", "true"], Failure.Usage, "takes no value" },
        { ["run", "-o"], Failure.Usage, "-o needs a value" },
        { ["run", "-o", "", "true"], Failure.Usage, "a file's name is needed" },
        { ["run", "-o", "/nonexistent/file", "true"], Failure.InputOutput, "--output /nonexistent/file: no such file or directory" },
        { ["run", "-o", "/", "true"], Failure.InputOutput, "--output /: a directory" },
        { ["run", "--epc", "8MB", "true"], Failure.Usage, "not a size" },
        { ["run", "--epc", "8iB", "true"], Failure.Usage, "not a size" },
        { ["doctor", "-o", "/nonexistent/file"], Failure.InputOutput, "doctor: --output /nonexistent/file: no such file or directory" },
        { ["manual", "-o", ""], Failure.Usage, "manual: --output: '' is not a file's name" },
        { ["help", "rn"], Failure.Usage, "help: there is no command rn; did you mean run?" },
        { ["help", "lab", "edm"], Failure.Usage, "help: there is no command edm; did you mean edmm?" },
        { ["completion"], Failure.Usage, "completion: SHELL is missing (`cloister completion --help`" },
        { ["inspect"], Failure.Usage, "inspect: FILE is missing" },
        { ["inspect", "one", "two"], Failure.Usage, "inspect: one argument too many: two" },
        { ["demo", "--svg"], Failure.Usage, "demo: --svg needs a value: --svg FILE" },
        { ["doctor", "-o", "one", "-o", "two"], Failure.Usage, "doctor: --output is there twice" },
        { ["run", "--help=1"], Failure.Usage, "run: --help takes no value" },
        { ["--epc", "8M", "run", "true"], Failure.Usage,
            "--epc stands before the command, and options stand behind it: cloister run --epc" },
        { ["./program"], Failure.Usage, "to run a program write `cloister run -- ./program`" },
        { ["sh"], Failure.Usage, "to run a program write `cloister run -- sh`" },
        { ["lab", "edmm", "--pages", "x"], Failure.Usage, "lab edmm: --pages: 'x' is not a whole number" },
        { ["verify", "--mrenclave", "12", "x"], Failure.Usage, "verify: --mrenclave 12: write 64 hexadecimal digits" },
        { ["completion", "ksh"], Failure.Usage, "no script for ksh; did you mean zsh? there is bash, zsh and fish" },
        { ["unknown"], Failure.Usage, "no command unknown" },
        { ["rn", "--", "true"], Failure.Usage, "no command rn; did you mean run? `cloister --help`" },
        { ["lab"], Failure.Usage, "lab: which? There is edmm, compare and costs" },
        { ["lab", "edm"], Failure.Usage, "lab: there is no command edm; did you mean edmm? `cloister lab --help`" },
        { ["lab", "edmm", "--page", "3"], Failure.Usage, "lab edmm: there is no option --page; did you mean --pages?" },
        { ["lab", "edmm", "--ways", "acces"], Failure.Usage, "no way acces; did you mean access? there is" },
        { ["lab", "edmm", "--costs", "/nonexistent"], Failure.Usage, "--costs /nonexistent: no such file" },
        { ["inspect", "--jsn", "x"], Failure.Usage, "inspect: there is no option --jsn; did you mean --json?" },
        { ["run", "--eng=fast", "true"], Failure.Usage, "no option --eng; did you mean --engine?" },
        { ["run", "--policy", "/nonexistent", "true"], Failure.Usage, "--policy /nonexistent: no such file" },
        { ["run", "--policy", "/", "true"], Failure.Usage, "--policy /: a directory" },
        { ["run", "--policy", "/dev/zero", "true"], Failure.Usage, "more than 16 MiB" },
        { ["run", "--policy", "", "true"], Failure.Usage, "the file's name is empty" },
        { ["run", "--against", "", "true"], Failure.Usage, "the file's name is empty" },
        { ["doctor", "--unknown"], Failure.Usage, "--unknown" },
        { ["run", "no-such-program-anywhere"], Failure.NotFound, "no such program in PATH" },
        { ["run", "./no-such-program"], Failure.NotFound, "no such file" },
        { ["run", ""], Failure.NotFound, "empty" },
        { ["run", "/"], Failure.NotRunnable, "a directory" },
        { ["run", "/dev/null"], Failure.NotRunnable, "not an ordinary file" },
    };

    [Theory]
    [MemberData(nameof(CommandLines))]
    public void One_line_and_a_status(string[] arguments, int status, string words)
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(arguments);
        AssertOneLine(outcome, status, words);
    }

    [Fact]
    public void A_file_that_is_no_program_is_refused()
    {
        using var directory = new TemporaryDirectory();
        byte[] elf = File.ReadAllBytes("/bin/sh");
        string plain = directory.Write("plain", "");
        AssertOneLine(CloisterProcess.Run(["run", plain]), Failure.NotRunnable, "not executable");
        AssertOneLine(CloisterProcess.Run(["run", directory.WriteProgram("empty", [])]), Failure.NotRunnable,
            "neither an ELF program nor a script");
        AssertOneLine(CloisterProcess.Run(["run", directory.WriteProgram("text", "echo\n"u8)]), Failure.NotRunnable,
            "neither an ELF program nor a script");
        AssertOneLine(CloisterProcess.Run(["run", directory.WriteProgram("script", "#!/no/such/interpreter\n"u8)]), Failure.NotRunnable,
            "interpreter /no/such/interpreter");
        AssertOneLine(CloisterProcess.Run(["run", directory.WriteProgram("cut", elf.AsSpan(0, 100))]), Failure.NotRunnable,
            "cannot be started");
        elf[18] = 3;
        elf[4] = 1;
        AssertOneLine(CloisterProcess.Run(["run", directory.WriteProgram("i386", elf)]), Failure.NotRunnable, "32-bit x86");
        elf[18] = 183;
        elf[4] = 2;
        AssertOneLine(CloisterProcess.Run(["run", directory.WriteProgram("arm", elf)]), Failure.NotRunnable, "ARM 64");
    }

    [Fact]
    public void A_file_that_is_open_for_writing_is_refused()
    {
        using var directory = new TemporaryDirectory();
        string program = directory.WriteProgram("busy", File.ReadAllBytes("/bin/true"));
        using FileStream writer = new(program, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        AssertOneLine(CloisterProcess.Run(["run", program]), Failure.NotRunnable, "open for writing");
    }

    [Theory]
    [InlineData("doctor", "--json")]
    [InlineData("doctor")]
    [InlineData("run", "--help")]
    public void A_full_disk_is_told(params string[] arguments)
    {
        using CloisterProcess process = CloisterProcess.StartUnder(["sh", "-c", "exec \"$@\" >/dev/full", "sh"], arguments);
        AssertOneLine(process.Finish(), Failure.InputOutput, "the output could not be written: no space left on the device");
    }

    [Theory]
    [InlineData("doctor", "--json")]
    [InlineData("help")]
    [InlineData("version")]
    [InlineData("run", "--stats", "-o", "-", "true")]
    public void A_closed_output_is_told(params string[] arguments)
    {
        using CloisterProcess process = CloisterProcess.StartUnder(["sh", "-c", "exec \"$@\" >&-", "sh"], arguments);
        AssertOneLine(process.Finish(), Failure.InputOutput, "could not be written");
    }

    [Fact]
    public void Where_no_stream_is_open_it_ends_all_the_same_and_writes_into_no_file_of_its_own()
    {
        foreach ((string closed, string[] arguments, int status) in ((string, string[],
            int)[])[("2>&-", ["run", "--stats", "true"], Failure.InputOutput), ("<&- 2>&-", ["run", "-v", "false"], 1),
                ("<&- 2>&-", ["rn"], Failure.Usage)])
        {
            using CloisterProcess process = CloisterProcess.StartUnder(["sh", "-c", $"exec \"$@\" {closed}", "sh"], arguments);
            Assert.Equal(status, process.Finish().Status);
        }

        // A program finds closed what was closed.
        using CloisterProcess looking = CloisterProcess.StartUnder(["sh", "-c", "exec \"$@\" <&- 2>&-", "sh"],
            ["run", "--", "sh", "-c", "[ ! -e /proc/$$/fd/0 ] && [ ! -e /proc/$$/fd/2 ]"]);
        Assert.Equal(0, looking.Finish().Status);
    }

    [Fact]
    public void A_reader_that_goes_away_is_no_error()
    {
        using CloisterProcess process = CloisterProcess.StartUnder(["sh", "-c", "\"$@\" | true", "sh"], ["doctor"]);
        CloisterProcess.Outcome outcome = process.Finish();
        Assert.Equal((0, ""), (outcome.Status, outcome.Error));
    }

    [Fact]
    public void A_program_that_traces_gets_the_kernels_refusal()
    {
        // PTRACE_TRACEME is request 0 of system call 101.
        CloisterProcess.Outcome outcome =
            CloisterProcess.Run(["run", "--", "perl", "-e", "exit(syscall(101, 0, 0, 0, 0) == -1 && $! == 1 ? 9 : 1)"]);
        Assert.Equal(9, outcome.Status);
    }

    [Fact]
    public void Under_another_tracer_it_says_so()
    {
        // The outer Cloister is the other tracer.
        AssertOneLine(CloisterProcess.Run(["run", "--", "dotnet", CloisterProcess.CommandFile, "run", "true"]), Failure.NotPermitted,
            "traces Cloister");
    }

    private static void AssertOneLine(CloisterProcess.Outcome outcome, int status, string words)
    {
        Assert.StartsWith("cloister: ", outcome.Error, StringComparison.Ordinal);
        Assert.Contains(words, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        Assert.Equal(status, outcome.Status);
    }
}
