using Cloister.Cli;
using Cloister.Cli.Commands;
using Cloister.Cli.Containers;
using Cloister.Linux;

StandardStream.Fill();
Console.SetOut(new StreamWriter(StandardStream.Output) { AutoFlush = true });
Console.SetError(new StreamWriter(StandardStream.Error) { AutoFlush = true });
AppDomain.CurrentDomain.UnhandledException += (_, e) => Environment.Exit(Failure.Report((Exception)e.ExceptionObject));
try
{
    // Before its own limits are raised: the runtime behind it has them as they were.
    if (ContainerRuntime.Words(args) is { } words)
    {
        return ContainerRuntime.Execute(words);
    }

    if (OwnLimits.Raise() is { } problem)
    {
        return Failure.Report(problem, Failure.Unavailable);
    }

    return args is ["run", ..] ? RunCommand.Execute(args.AsSpan(1)) : args is ["gdb", ..] ? GdbCommand.Execute(args.AsSpan(1))
        : CommandLine.Execute(args);
}
catch (Exception e)
{
    return Failure.Report(e);
}
