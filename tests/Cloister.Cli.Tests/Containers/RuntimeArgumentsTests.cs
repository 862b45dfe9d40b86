using Cloister.Cli.Containers;

namespace Cloister.Cli.Tests.Containers;

public class RuntimeArgumentsTests
{
    [Theory]
    [InlineData("--root /r --log /l --log-format json create --bundle /b --pid-file /p one", "create", "/b",
        "one")] // as containerd's shim calls it
    [InlineData("--root=/r run -b /b one", "run", "/b", "one")]
    [InlineData("-root /r --systemd-cgroup create -bundle=/b one", "create", "/b", "one")] // one dash, a flag
    [InlineData("create one", "create", null, "one")]
    [InlineData("create --bundle", "create", null, null)] // a value that is missing
    [InlineData("--log create create --bundle /b -- one", "create", "/b", "one")] // a value that is called as a command is
    public void The_command_its_bundle_and_the_container_are_found(string line, string command, string? bundle, string? container)
    {
        RuntimeArguments arguments = Read(line);
        Assert.Equal((command, bundle, container), (arguments.Command, arguments.Option("bundle", "b"), arguments.Container));
    }

    [Theory]
    [InlineData("exec -t -d --env A=b -u 0 --cwd / one ls -l", 10)]
    [InlineData("exec one ls", 2)]
    [InlineData("exec one -- ls", 3)]
    [InlineData("exec --process /p one", 4)]
    [InlineData("exec", 1)]
    public void The_program_of_an_exec_is_found(string line, int at)
    {
        RuntimeArguments arguments = Read(line);
        Assert.Equal(at, arguments.ProgramAt);
        Assert.Equal(line.Contains("one", StringComparison.Ordinal) ? "one" : null, arguments.Container);
    }

    [Theory]
    [InlineData("")]
    [InlineData("--version")]
    [InlineData("--log")]
    public void There_may_be_no_command(string line) => Assert.Null(Read(line).Command);

    private static RuntimeArguments Read(string line) => RuntimeArguments.Read(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
