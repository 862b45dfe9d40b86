using Cloister.Cli;
using Cloister.Cli.Commands;

AppDomain.CurrentDomain.UnhandledException += (_, e) => Environment.Exit(Failure.Report((Exception)e.ExceptionObject));
try
{
    if (OwnLimits.Raise() is { } problem)
    {
        return Failure.Report(problem, Failure.Unavailable);
    }

    return args is ["run", ..] ? RunCommand.Execute(args.AsSpan(1)) : CommandLine.Execute(args);
}
catch (Exception e)
{
    return Failure.Report(e);
}
