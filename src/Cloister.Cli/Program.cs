using System.CommandLine;
using Cloister.Cli.Commands;

var root = new RootCommand("Cloister, a software Intel SGX machine: runs unmodified Linux SGX programs without SGX. It is for development and testing and protects nothing.")
{
    RunCommand.Create(),
    DemoCommand.Create(),
    InspectCommand.Create(),
    MeasureCommand.Create(),
    VerifyCommand.Create(),
    SignCommand.Create(),
};
return root.Parse(args).Invoke();
