using System.Text.Json.Nodes;
using Cloister.Cli.Containers;
using Cloister.Cli.Running;

namespace Cloister.Cli.Tests.Containers;

public class ContainerMachineTests
{
    private static JsonObject Named(string name) => new() { ["cloister.dev/machine"] = name };

    [Fact]
    public void The_program_makes_it_and_what_is_executed_later_joins()
    {
        IReadOnlyList<string> program = ContainerMachine.OfProgram(null, "a"), exec = ContainerMachine.OfExec(null, "a");
        Assert.Equal(["--init", program[1]], program);
        Assert.Equal(program[1].Replace("--machine", "--join", StringComparison.Ordinal), Assert.Single(exec));
    }

    [Fact]
    public void Every_container_has_its_own()
    {
        Assert.NotEqual(ContainerMachine.OfExec(null, "a"), ContainerMachine.OfExec(null, "b"));
        Assert.All(["a", new string('x', 5000), "../…"],
            name => Assert.Null(MachineName.Problem(ContainerMachine.OfExec(null, name)[0].Split('=')[1])));
    }

    [Fact]
    public void Who_names_one_has_that()
    {
        Assert.Equal(["--machine=/shared/machine"], ContainerMachine.OfProgram(Named("/shared/machine"), "a"));
        Assert.Equal(["--machine=/shared/machine"], ContainerMachine.OfExec(Named("/shared/machine"), "a"));
    }

    [Fact]
    public void Without_a_name_there_is_none() => Assert.Empty(ContainerMachine.OfProgram(null, null));
}
