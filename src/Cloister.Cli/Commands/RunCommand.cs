using System.CommandLine;
using System.Diagnostics;
using Cloister.Architecture;
using Cloister.Cli.Covering;
using Cloister.Cli.Debugging;
using Cloister.Cli.Dumping;
using Cloister.Cli.Explaining;
using Cloister.Cli.Joining;
using Cloister.Cli.Journal;
using Cloister.Cli.Kernel;
using Cloister.Cli.Looking;
using Cloister.Cli.Manual;
using Cloister.Cli.Metrics;
using Cloister.Cli.Platforms;
using Cloister.Cli.Profiling;
using Cloister.Cli.Provoking;
using Cloister.Cli.Running;
using Cloister.Cli.Tracing;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Options;
using Cloister.Linux;
using Cloister.Linux.Kernel;
using Cloister.Processor;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister run</c>: runs a program on the machine.</summary>
internal static class RunCommand
{
    /// <summary>Its entry in the table of commands; <see cref="Execute"/> reads the arguments itself.</summary>
    public static Command Create()
    {
        var command = new Command("run", RunHelp.Description);
        foreach (RunOption option in RunOptions.All)
        {
            command.Options.Add(Option(option));
        }

        command.Arguments.Add(new Argument<string[]>("PROGRAM")
        {
            Description = "The program, by its path or found in PATH, and its arguments.",
        });
        command.SetAction(_ => Failure.Internal);
        return command;
    }

    /// <summary>Does it.</summary>
    /// <param name="arguments">What follows <c>run</c>.</param>
    /// <returns>The exit status.</returns>
    public static int Execute(ReadOnlySpan<string> arguments)
    {
        DiagnosticFiles.Remove();
        RunArguments asked = OptionReader.Look(arguments);
        if (asked.Help)
        {
            RunHelp.Print(Console.Out, Terminal.Width);
            return 0;
        }

        if (asked.CpuHelp)
        {
            RunOptions.PrintCpus(Console.Out);
            return 0;
        }

        string? problem = null;
        RunArguments defaults = asked.NoDefaults ? new RunArguments() : OptionDefaults.Read(out problem);
        if (problem is not null)
        {
            return Failure.Report(problem, Failure.Usage);
        }

        if (RunArguments.TryParse(arguments, defaults, out RunArguments parsed) is { } wrong)
        {
            return Failure.Report($"run: {wrong}", Failure.Usage);
        }

        HostMemory memory = HostMemory.Read();
        long epc = parsed.EpcBytes ?? memory.DefaultEpc;
        if (parsed.EpcBytes > memory.Total)
        {
            string limit = memory.LimitedByGroup ? "this control group may use" : "this machine has";
            return Failure.Report($"run: --epc {SizeText.Of(epc)}: more than the {SizeText.Of(memory.Total)} of memory {limit}",
                Failure.Usage);
        }

        if (InjectionText.ProblemOn(parsed.Injected, epc / LinearAddress.PageSize, parsed.Uapi) is { } unmet)
        {
            return Failure.Report($"run: --inject {unmet}", Failure.Usage);
        }

        if (parsed is { Interrupts: { Every: > 0, InSecond: > 0 } })
        {
            return Failure.Report(
                "run: --interrupts and --interrupt-every: one of them; interrupts by time would come between the steps at places that are others each time", Failure.Usage);
        }

        if (parsed is { Interrupts: { Every: > 0, Places.Count: > 0 } })
        {
            return Failure.Report("run: --interrupt-at and --interrupt-every: one of them; both step threads", Failure.Usage);
        }

        if (parsed is { Gdb: not null, Interrupts: { Every: > 0 } or { InSecond: > 0 } or { Places.Count: > 0 } })
        {
            return Failure.Report("run: --gdb: interrupts by order step threads, and so does gdb: only one of them can", Failure.Usage);
        }

        (string? unfit, int status) = ProgramFile.Check(parsed.Program[0]);
        if (unfit is not null)
        {
            return Failure.Report(unfit, status);
        }

        if (parsed.Driver is { } file && (DriverProblem(parsed) ?? DriverFailure.Problem(file)) is { } unusable)
        {
            return Failure.Report(unusable.Message, unusable.Status);
        }

        if (parsed.TrustsDevelopmentRoot && RootReplacement.Problem(parsed.Program[0]) is { } refused)
        {
            return Failure.Report($"run: --trust-development-root: {refused}", Failure.Usage);
        }

        if (parsed.Against is { } against && RefusedPages.Problem(against) is { } unreadable)
        {
            return Failure.Report(
                $"run: --against: {(against.Length == 0 || unreadable.StartsWith(against, StringComparison.Ordinal) ? "" : against + ": ")}{unreadable}", Failure.Usage);
        }

        if (parsed.Join is { } joined)
        {
            MachineMember.TryJoin(new MachineName(joined), MachineWords.Of(arguments), () => Invocation(parsed.Program));
        }

        MachineDoor? opened = null;
        if (parsed is { Machine: { } own, Init: true })
        {
            opened = MachineDoor.TryOpen(new MachineName(own), MachineWords.Of(arguments), out _);
        }
        else if (parsed.Machine is { } name
            && MachineMember.JoinOrOpen(new MachineName(name), MachineWords.Of(arguments), () => Invocation(parsed.Program),
                out opened) is { } shut)
        {
            return Failure.Report($"run: --machine {name}: {shut.Problem}", shut.Status);
        }

        using MachineDoor? door = opened;
        RunPlatform platform;
        try
        {
            platform = RunPlatform.Of(parsed.Seed, parsed.Platform);
        }
        catch (PlatformProblem damaged)
        {
            return Failure.Report($"run: --platform {damaged.Message}", damaged.Status);
        }

        using Messages? messages = Messages.Open(parsed.Output, parsed.Quiet, out string? unwritable);
        if (messages is null)
        {
            return Failure.Report($"run: --output {unwritable}", Failure.InputOutput);
        }

        if (parsed is { Machine: not null, Init: true } && door is null)
        {
            messages.Notice($"--machine {parsed.Machine}: somebody has this name; what comes later has a machine of its own");
        }

        MachineDefaults machine = MachineDefaults.Choose();
        using var services = new RunServices(() => platform.Whole(messages.Notice), parsed.Verdict, messages.Notice);
        return Run(
            new EngineOptions
            {
                EpcPages = (int)(epc / LinearAddress.PageSize),
                Mode = parsed.Engine ?? machine.Engine,
                Attach = Attach(parsed, messages),
                Isolation = parsed.Isolation ?? machine.Isolation,
                Driver = new DriverOptions
                {
                    Generation = parsed.Uapi,
                    Policy = parsed.Policy,
                    UpdatesSvn = parsed.UpdatesSvn,
                    Injected = parsed.Injected,
                },
                KernelDriver = parsed.Driver is { } driver ? Path.GetFullPath(driver) : null,
                Presence = parsed.Presence,
                Cpuid = parsed.Cpuid,
                PowerLoss = parsed.PowerLoss,
                Interrupts = parsed.Interrupts,
                Nodes = parsed.Nodes,
                EndsWithProgram = parsed.Init || Environment.ProcessId == 1,
                Machine = platform.Apply(Machine(parsed), messages.Notice),
                Sockets = services.Sockets,
                Files = services.Files,
                Libraries = AttestationLibraries.Served,
                Replaced = parsed.TrustsDevelopmentRoot ? RootReplacement.Of(AuthorityStore.Take(messages.Notice)) : [],
            },
            platform.Place(Invocation(parsed.Program)),
            parsed,
            platform,
            services,
            messages,
            door);
    }

    // What is Cloister's driver's own.
    private static (string Message, int Status)? DriverProblem(RunArguments arguments)
    {
        string? option = arguments.Uapi != Generation.V6_0 ? "--uapi" : arguments.UpdatesSvn ? "--update-svn"
            : arguments.Policy is not null ? "--policy" : arguments.Injected.Count > 0 ? "--inject" : null;
        return option is null ? null
            : ($"run: --driver and {option}: that is said to Cloister's own driver; the kernel's is what it was built as", Failure.Usage);
    }

    private static AttachMode Attach(RunArguments arguments, Messages messages)
    {
        string? reason = arguments switch
        {
            { Attach: AttachMode.Begin } => null,
            { Gdb: not null } => "--gdb",
            { TrustsDevelopmentRoot: true } => "--trust-development-root",
            { Machine: not null } => "--machine",
            { Cpuid: CpuidMode.Fault } => "--cpuid=fault",
            _ => null,
        };
        if (reason is null)
        {
            return arguments.Attach;
        }

        messages.Notice($"programs are traced from their beginning, not by --attach=device: {reason} needs that");
        return AttachMode.Begin;
    }

    private static MachineOptions Machine(RunArguments arguments)
    {
        var options = new MachineOptions
        {
            Sgx2 = arguments.Sgx2,
            Injected = [.. arguments.Injected.Select(failure => failure.Leaf).OfType<InjectedLeaf>()],
            Cpu = arguments.Cpu ?? (arguments.CpuIsHost ? null : MachineDefaults.Cpu),
        };

        // CPUID.12H of clients says 2^36, with SGX2 as without.
        byte? maximum = arguments.MaximumEnclaveSize ?? (options.Cpu is { ServerSgx: false } ? (byte)36 : null);
        options = maximum is { } size ? options with { MaximumEnclaveSize64 = size } : options;
        return arguments.LaunchHash is { } hash ? options with { LaunchControlHash = hash } : options;
    }

    private static int Run(EngineOptions options, ProgramInvocation program, RunArguments arguments, RunPlatform platform,
        RunServices services, Messages messages, MachineDoor? door)
    {
        try
        {
            return RunOn(options, program, arguments, platform, services, messages, door);
        }
        catch (KernelDriverException failure)
        {
            (string message, int status) = DriverFailure.Of(failure);
            return Failure.Report(message, status);
        }
    }

    private static int RunOn(EngineOptions options, ProgramInvocation program, RunArguments arguments, RunPlatform platform,
        RunServices services, Messages messages, MachineDoor? door)
    {
        ProgramEnd end;
        TraceFile? trace = null;
        if (arguments.Trace is { } path)
        {
            trace = TraceFile.Begin(path, arguments.TraceFormat, arguments.TraceEvents, Header(options, arguments), messages.Notice,
                out string? problem);
            if (trace is null)
            {
                return Failure.Report($"run: --trace {problem}", Failure.InputOutput);
            }
        }

        if (arguments.Dump is { } folder && EnclaveDumps.Problem(folder) is { } unwritable)
        {
            trace?.Dispose();
            return Failure.Report($"run: --dump {unwritable}", Failure.InputOutput);
        }

        using (trace)
        using (var tracer = new Tracer(options) { OnNotice = messages.Notice })
        {
            tracer.Machine.Observer = new RefusalReport(tracer.Machine, tracer.Machine.Observer, messages.Notice)
            {
                Against = arguments.Against,
            };
            tracer.Machine.Observer = new SealReport(tracer.Machine.Observer, platform.SealKeys,
                () => Convert.ToHexStringLower(tracer.Machine.Cpusvn), messages.Notice);
            var observers = new ObserverList();
            RunSummary? summary = arguments.Stats == StatisticsFormat.None && arguments.Metrics is null
                && arguments.MetricsExport is null ? null : new RunSummary();
            ITraceSink[] sinks = [.. new ITraceSink?[] { trace, summary }.OfType<ITraceSink>()];
            TraceRecorder? recorder = sinks.Length == 0 ? null : TraceRecorder.Begin(tracer.Machine, sinks);
            using Explainer? explainer = arguments.Explains || arguments.Gdb is not null
                ? new Explainer(tracer.Machine, tracer.Driver, arguments.Explain == true ? text => messages.Write($"cloister: {text}") : messages.Notice) : null;
            if (recorder is not null)
            {
                observers.Add(tracer, recorder);
            }

            PageJournal? journal = arguments.Journal ? new PageJournal(tracer.Machine, tracer.Machine.Observer) : null;
            if (journal is not null)
            {
                tracer.Machine.Observer = journal;
                observers.Add(tracer, journal);
            }

            if (explainer is not null)
            {
                observers.Add(tracer, explainer);
                explainer.Note(arguments.Against ?? "");
            }

            string? unwritten = null;
            using Coverage? coverage = arguments.Coverage is { } covered
                ? Coverage.Begin(tracer, covered, arguments.Against, text => messages.Write($"cloister: {text}"), out unwritten) : null;
            if (unwritten is not null)
            {
                return Failure.Report($"run: --coverage {unwritten}", Failure.InputOutput);
            }

            if (coverage is not null)
            {
                observers.Add(tracer, coverage);
            }

            using Profile? profile = arguments.Profile is { } profiled
                ? Profile.Begin(tracer, profiled, arguments.ProfileRate, arguments.Against, text => messages.Write($"cloister: {text}"),
                    out unwritten) : null;
            if (unwritten is not null)
            {
                return Failure.Report($"run: --profile {unwritten}", Failure.InputOutput);
            }

            if (profile is not null)
            {
                observers.Add(tracer, profile);
            }

            using InterruptPlaces? places = arguments.Interrupts.Places.Count > 0
                ? InterruptPlaces.Begin(tracer, arguments.Interrupts.Places, arguments.Against, messages.Notice) : null;
            if (places is not null)
            {
                observers.Add(tracer, places);
            }

            using EnclaveDumps? dumps = arguments.Dump is { } into
                ? new EnclaveDumps(tracer, into, text => messages.Write($"cloister: {text}")) : null;
            if (dumps is not null)
            {
                observers.Add(tracer, dumps);
            }

            services.Cpusvn = () => tracer.Machine.Cpusvn.ToArray();
            DebugListener? debugger = null;
            SignalRelay.Begin(tracer, () => debugger?.GiveUp() == true);
            if (arguments.Verbose)
            {
                MachineReport.Begin(arguments, options, messages);
            }

            var answers = new LookAnswers(tracer, () => Header(options, arguments), new LookCounts(tracer, observers, summary),
                () => explainer is null ? [] : [.. explainer.Files]);
            string? unserved = null;
            using MetricsServer? metrics = arguments.Metrics is { } place
                ? MetricsServer.Begin(place, answers.Metrics, out unserved) : null;
            if (unserved is not null)
            {
                return Failure.Report($"run: --metrics {arguments.Metrics}: {unserved}", Failure.InputOutput);
            }

            if (arguments.Metrics is { Port: 0 })
            {
                messages.Write($"cloister: metrics at http://{metrics!.Place}/metrics");
            }

            using OtlpExporter? exporter = arguments.MetricsExport is { } target
                ? OtlpExporter.Begin(target, cancellation => answers.Export(target, cancellation), messages.Notice) : null;

            door?.Begin(tracer, platform.Place, messages.Notice);

            using var enclaves = new EnclaveFiles(() => explainer is null ? [] : explainer.Files);
            if (arguments.Gdb is { } debuggerPlace)
            {
                debugger = DebugListener.Begin(tracer, enclaves, debuggerPlace, out string? problem);
                if (debugger is null)
                {
                    return Failure.Report($"run: --gdb {problem}", Failure.InputOutput);
                }

                messages.Notice($"the program waits for gdb: target remote {debuggerPlace.Text}");
            }

            long began = Stopwatch.GetTimestamp();
            using (debugger)
            using (LookSocket.Begin(answers.Answer, arguments.Verbose ? messages.Notice
                : null, LookFolder.All, (request, stream) => DebugVisit.Serve(tracer, enclaves, (int)(request.Address ?? 0), stream)))
            {
                end = tracer.Run(program);
            }

            places?.Finish();
            explainer?.Finish();
            exporter?.Finish(answers.LastExport(arguments.MetricsExport!));
            recorder?.Finish();
            trace?.End(recorder!.Now, end.ExitStatus, end.Signal);
            TimeSpan time = Stopwatch.GetElapsedTime(began);
            if (arguments.Verbose)
            {
                MachineReport.End(end, time, messages);
            }

            foreach (string line in journal is null ? [] : JournalText.Lines(journal).TakeWhile(_ => !messages.Lost))
            {
                messages.Write(line);
            }

            if (summary is not null && arguments.Stats != StatisticsFormat.None)
            {
                messages.Write(RunStatistics.Of(tracer, end, time, summary).Text(arguments.Stats, summary));
            }

            platform.Keep(tracer.Machine.Cpusvn, messages.Notice);
        }

        if (end.Signal is { } signal)
        {
            Termination.BySignal(signal);
            return 128 + signal;
        }

        return messages.Lost && end.ExitStatus == 0 && (arguments.Stats != StatisticsFormat.None || arguments.Journal)
            ? Failure.Report(
                $"the {(arguments.Stats == StatisticsFormat.None ? "journal" : "statistics")} could not be written; is the disk full or the output closed?", Failure.InputOutput)
            : end.ExitStatus ?? Failure.Internal;
    }

    private static TraceHeader Header(EngineOptions options, RunArguments arguments) => new(
        VersionCommand.Version,
        arguments.Program,
        options.Mode == EngineMode.Fast ? "fast" : "trap",
        options.Isolation == IsolationMode.Fast ? "fast" : "strict",
        options.Driver.Generation.Name(),
        options.EpcPages,
        DateTimeOffset.UtcNow,
        arguments.TraceEvents);

    private static Option Option(RunOption option)
    {
        Option made = option switch
        {
            { ValueName: null } => new Option<bool>(option.Name),
            { IsFile: true } => new Option<FileInfo?>(option.Name),
            { IsValueOptional: true } => new Option<string?>(option.Name) { Arity = ArgumentArity.ZeroOrOne },
            _ => new Option<string?>(option.Name),
        };
        made.Description = option.Description();
        made.HelpName = option.ValueName;
        if (option.Short is { } name)
        {
            made.Aliases.Add(name);
        }

        IReadOnlyList<string> values = option.Values();
        if (values.Count > 0)
        {
            made.CompletionSources.Add([.. values]);
        }

        return made;
    }

    // .NET's strings have lost what was not UTF-8 in the arguments; the kernel still has the bytes.
    // The script 'cloister' tells what it changed.
    private static ProgramInvocation Invocation(IReadOnlyList<string> program)
    {
        ProgramInvocation invocation = ProgramInvocation.Of(program);
        List<byte[]> raw = ProgramInvocation.Strings("/proc/self/cmdline");
        LauncherChanges changes = LauncherChanges.Of(invocation.Environment);

        return invocation with
        {
            Path = program[0].Contains('/', StringComparison.Ordinal) ? raw[^program.Count] : invocation.Path,
            Arguments = raw[^program.Count..],
            Environment = [.. changes.Environment.Where(variable => !DebugTerminal.IsIts(variable))],
            Limits = changes.Limits,
        };
    }
}
