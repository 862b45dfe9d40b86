using System.CommandLine;
using Cloister.Cli.Running;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister run</c>: runs a program on the machine.</summary>
internal static class RunCommand
{
    /// <summary>Its entry in the list of commands; <see cref="Execute"/> reads the arguments itself.</summary>
    public static Command Create() => new("run", "Run a program on the machine.");

    /// <summary>Does it.</summary>
    /// <param name="arguments">What follows <c>run</c>.</param>
    /// <returns>The exit status.</returns>
    public static int Execute(ReadOnlySpan<string> arguments)
    {
        DiagnosticFiles.Remove();
        if (RunArguments.TryParse(arguments, out RunArguments parsed) is { } problem)
        {
            return Failure.Report($"run: {problem}", Failure.Usage);
        }

        if (parsed.Help)
        {
            RunArguments.PrintHelp(Console.Out);
            return 0;
        }

        if (parsed.CpuHelp)
        {
            RunArguments.PrintCpus(Console.Out);
            return 0;
        }

        HostMemory memory = HostMemory.Read();
        long epc = parsed.EpcBytes ?? memory.DefaultEpc;
        if (parsed.EpcBytes > memory.Total)
        {
            string limit = memory.LimitedByGroup ? "this control group may use" : "this machine has";
            return Failure.Report($"run: --epc {SizeText.Of(epc)}: more than the {SizeText.Of(memory.Total)} of memory {limit}", Failure.Usage);
        }

        (string? unfit, int status) = ProgramFile.Check(parsed.Program[0]);
        if (unfit is not null)
        {
            return Failure.Report(unfit, status);
        }

        if (parsed.Against is { } against && RefusedPages.Problem(against) is { } unreadable)
        {
            return Failure.Report($"run: --against: {(against.Length == 0 || unreadable.StartsWith(against, StringComparison.Ordinal) ? "" : against + ": ")}{unreadable}", Failure.Usage);
        }

        MachineDefaults defaults = MachineDefaults.Choose();
        return Run(
            new EngineOptions
            {
                EpcPages = (int)(epc / 4096),
                Mode = parsed.Engine ?? defaults.Engine,
                Isolation = parsed.Isolation ?? defaults.Isolation,
                Driver = new DriverOptions { Generation = parsed.Uapi, Policy = parsed.Policy },
                Presence = parsed.Presence,
                PowerLoss = parsed.PowerLoss,
                Nodes = parsed.Nodes,
                Machine = Machine(parsed),
            },
            Invocation(parsed.Program),
            parsed);
    }

    private static MachineOptions Machine(RunArguments arguments)
    {
        var options = new MachineOptions
        {
            Sgx2 = arguments.Sgx2,
            Cpu = arguments.Cpu ?? (arguments.CpuIsHost ? null : MachineDefaults.Cpu),
            RootKey = RootKey.From(arguments.Seed),
        };
        if (arguments.Platform != PlatformKey.New)
        {
            options = options with { NewRootKey = () => PlatformKey.Take(Notice) };
        }

        // CPUID.12H of clients says 2^36, with SGX2 as without.
        byte? maximum = arguments.MaximumEnclaveSize ?? (options.Cpu is { ServerSgx: false } ? (byte)36 : null);
        options = maximum is { } size ? options with { MaximumEnclaveSize64 = size } : options;
        return arguments.LaunchHash is { } hash ? options with { LaunchControlHash = hash } : options;
    }

    private static int Run(EngineOptions options, ProgramInvocation program, RunArguments arguments)
    {
        ProgramEnd end;
        using (var tracer = new Tracer(options) { OnNotice = Notice })
        {
            tracer.Machine.Observer = new RefusalReport(tracer.Machine, tracer.Machine.Observer, tracer.OnNotice) { Against = arguments.Against };
            SignalRelay.Begin(tracer);
            end = tracer.Run(program);

            if (arguments.Stats)
            {
                Statistics.Print(tracer, Console.Error);
            }
        }

        if (end.Signal is not { } signal)
        {
            return end.ExitStatus ?? Failure.Internal;
        }

        Termination.BySignal(signal);
        return 128 + signal;
    }

    private static void Notice(string text) => Console.Error.WriteLine($"cloister: {text}");

    // .NET's strings have lost what was not UTF-8 in the arguments; the kernel still has the bytes. The script 'cloister' tells what it changed.
    private static ProgramInvocation Invocation(IReadOnlyList<string> program)
    {
        ProgramInvocation invocation = ProgramInvocation.Of(program);
        List<byte[]> raw = ProgramInvocation.Strings("/proc/self/cmdline");
        LauncherChanges changes = LauncherChanges.Of(invocation.Environment);

        return invocation with
        {
            Path = program[0].Contains('/', StringComparison.Ordinal) ? raw[^program.Count] : invocation.Path,
            Arguments = raw[^program.Count..],
            Environment = changes.Environment,
            Limits = changes.Limits,
        };
    }
}
