using Cloister.Architecture;
using Cloister.Cli.Metrics;
using Cloister.Cli.Platforms;
using Cloister.Cli.Tracing;
using Cloister.Driver;
using Cloister.Engine.Options;
using Cloister.Processor.Cpus;

namespace Cloister.Cli.Running;

/// <summary>The options of <c>cloister run</c>: the command line, its defaults, help, manual and completions all read this table.</summary>
internal static class RunOptions
{
    private const long PageSize = LinearAddress.PageSize;
    private const int LaunchHashLength = 32;
    private const string HostCpu = "host";

    /// <summary>The table.</summary>
    public static IReadOnlyList<RunOption> All => s_all;

    /// <summary>The option of a name; null when there is none.</summary>
    public static RunOption? Find(string name) => Array.Find(s_all, option => option.IsCalled(name));

    /// <summary>Prints the processors.</summary>
    public static void PrintCpus(TextWriter writer)
    {
        writer.WriteLine($"  {HostCpu,-17} this machine's own, with SGX{(MachineDefaults.Cpu is null ? " (the default here)" : "")}");
        foreach (CpuModel model in CpuModels.All)
        {
            string sgx = model.Sgx2 ? model.ServerSgx ? "SGX2 with key separation, AEX-Notify" : "SGX2" : "SGX1";
            writer.WriteLine($"  {model.Name,-17} {model.Brand}: {sgx}{(MachineDefaults.Cpu == model ? " (the default here)" : "")}");
        }

        writer.WriteLine(
            "A processor with a name has only those of its features that this machine has as well, and that lie in XSAVE where Intel's do.");
    }

    private static string[] Generations => [.. Enum.GetValues<Generation>().Select(GenerationNames.Name)];

    private static readonly RunOption[] s_all =
    [
        new("--epc", "SIZE", () => "Size of the EPC: bytes, or with K, M or G (KiB, MiB, GiB). Default: half of the memory.", Epc)
        {
            Here = () => SizeText.Of(HostMemory.Read().DefaultEpc),
        },
        new("--cpu", "NAME",
            () => $"The processor that programs see: {HostCpu}, {string.Join(", ", CpuModels.All.Select(model => model.Name))}; `--cpu help` tells of each. Default: the host's, where Intel made it.", (a, text) => text switch
        {
            "help" or "?" => (a with { CpuHelp = true }, null),
            HostCpu => (a with { Cpu = null, CpuIsHost = true }, null),
            _ when CpuModels.Find(text) is { } model => (a with { Cpu = model, CpuIsHost = false }, null),
            _ => (a, $"--cpu {text}: no such processor{Spelling.Advice(text, [HostCpu, .. CpuModels.All.Select(model => model.Name)], "`cloister run --cpu help` lists them")}"),
        })
        {
            Here = () => MachineDefaults.Cpu?.Name ?? HostCpu,
            Values = () => [HostCpu, .. CpuModels.All.Select(model => model.Name), "help"],
        },
        new("--no-sgx2", null, () => "A processor with SGX1 only.", (a, _) => (a with { Sgx2 = false }, null)),
        new("--max-enclave-size", "SIZE",
            () => "The largest enclave in bytes, or with K, M, G, T or P: a power of two. Default: 64P as on servers, with --no-sgx2 64G.",
            (a, text) =>
            SizeText.TryParse(text, out long bytes) && long.IsPow2(bytes) && bytes >= 2 * PageSize
            ? (a with { MaximumEnclaveSize = (byte)long.Log2(bytes) }, null)
                : (a, $"--max-enclave-size {text}: not a power of two of 8K or more; write bytes or K, M, G, T, P, as in 64G")),
        new("--engine", "trap|fast",
            () => "fast: enclaves are entered and left inside the program; trap: every ENCLU stops it (the reference). Default: fast where it can be.", (a, text) => text switch
        {
            "trap" => (a with { Engine = EngineMode.Trap }, null),
            "fast" => (a with { Engine = EngineMode.Fast }, null),
            _ => (a, $"--engine {text}: there is trap and fast"),
        })
        {
            Values = () => ["trap", "fast"],
        },
        new("--attach", "begin|device",
            () => "When programs are traced. begin: from their beginning. device: when they execute or load a file that speaks of SGX, or open the device; all others cost and disturb nothing, and gdb, strace and perf may have them. Default: begin.", (a, text) => text switch
        {
            "begin" => (a with { Attach = AttachMode.Begin }, null),
            "device" => (a with { Attach = AttachMode.Device }, null),
            _ => (a, $"--attach {text}: there is begin and device"),
        })
        {
            Values = () => ["begin", "device"],
        },
        new("--isolation", "strict|fast",
            () => "strict: the host reads 0xff where enclave memory is, as on hardware; fast: it sees the memory. Default: fast.",
            (a, text) => text switch
        {
            "strict" => (a with { Isolation = IsolationMode.Strict }, null),
            "fast" => (a with { Isolation = IsolationMode.Fast }, null),
            _ => (a, $"--isolation {text}: there is strict and fast"),
        })
        {
            Values = () => ["strict", "fast"],
        },
        new("--uapi", "NAME", () => $"The driver's interface: {string.Join(", ", Generations)}. Default: v6.0.", (a, text) =>
            GenerationNames.Parse(text) is { } generation ? (a with { Uapi = generation }, null)
                : (a, $"--uapi {text}: no such interface{Spelling.Advice(text, Generations, "there is " + string.Join(", ", Generations))}"))
        {
            Values = () => Generations,
        },
        new("--driver", "FILE",
            () => "The Linux kernel's own SGX driver in the place of Cloister's: a shared object that `cloister driver build` made. Its code runs in Cloister: load only what you built.", (a, text) =>
            text.Length == 0 ? (a, "--driver: a file's name is needed, and it is empty")
            : (a with { Driver = text }, null)) { IsFile = true },
        new("--update-svn", null,
            () => "The driver executes EUPDATESVN when nobody has the device open and somebody opens it, as from Linux 6.19 on: a platform's pending CPUSVN becomes its own.", (a, _) => (a with { UpdatesSvn = true }, null)),
        new("--policy", "FILE",
            () => "Only enclaves that FILE names, by lines `mrenclave HEX` or `mrsigner HEX`, may execute pages added at run time.",
            (a, text) =>
            (a with { Policy = PolicyFile.Read(text, out string? problem) }, problem)) { IsFile = true },
        new("--presence", "userfaultfd|mprotect",
            () => "How enclave pages come and go in the program. Default: userfaultfd where the kernel has it.", (a, text) => text switch
        {
            "userfaultfd" => (a with { Presence = PresenceMode.Userfaultfd }, null),
            "mprotect" => (a with { Presence = PresenceMode.Mprotect }, null),
            _ => (a, $"--presence {text}: there is userfaultfd and mprotect"),
        })
        {
            Values = () => ["userfaultfd", "mprotect"],
        },
        new("--cpuid", "replace|fault",
            () => "How CPUID is answered: replaced in the code that programs map, or made to fault by a processor that can, so that code stays as it is. Default: replace.", (a, text) => text switch
        {
            "replace" => (a with { Cpuid = CpuidMode.Replace }, null),
            "fault" when Linux.HostProbe.CpuidFaulting() is not Linux.Errno.None and var error =>
                (a, $"--cpuid fault: CPUID cannot be made to fault here (arch_prctl: {error}); leave the option out"),
            "fault" => (a with { Cpuid = CpuidMode.Fault }, null),
            _ => (a, $"--cpuid {text}: there is replace and fault"),
        })
        {
            Values = () => ["replace", "fault"],
        },
        new("--against", "FILE",
            () => "The enclave file as it was signed: when EINIT refuses other pages, the first one that differs is named.",
            (a, text) => (a with { Against = text }, null)) { IsFile = true },
        new("--power-loss", "EVENTS",
            () => "The machine loses power before the Nth EENTER or ioctl, or so many seconds after the beginning: entry=N, ioctl=N, time=SECONDS, several with commas. SIGPWR does it at any time.", (a, text) =>
            PowerLossPlan.Parse(text) is { } plan ? (a with { PowerLoss = plan }, null)
            : (a, $"--power-loss {text}: write entry=N or ioctl=N, with N from 1, or time=SECONDS, several with commas")),
        new("--inject", "RULES",
            () => "Things go wrong by order: race=eaug for SIGBUS as Linux gives the second of two threads that fault on a new page, ioctl=NAME:error=ERRNO for an ioctl that does nothing but fail; NAME may be any; leaf=NAME:error=SGX_ERROR for a leaf that does, as SGX_EPC_PAGE_CONFLICT comes where others work on a page; load=slow:by=MILLISECONDS for pages that take long to be loaded, load=flip for a bit of an evicted page that has changed; evict=batch for 16 pages that are written out before a page fault is answered. Each with :when=N, N+ or N..M, the occasions, default 1. At a moment, which is time=SECONDS, entry=N, ioctl=N or fault=N: evict=page:offset=OFFSET:MOMENT writes that page of an enclave out, epc=PAGES:MOMENT leaves so many of the EPC. Several with commas.", (a, text) =>
            InjectionText.Read(text, out IReadOnlyList<InjectedFailure> failures) is { } problem ? (a, $"--inject {problem}")
            : (a with { Injected = [.. a.Injected, .. failures] }, null)),
        new("--interrupts", "HZ",
            () => $"Threads inside enclaves are interrupted so many times a second, 1 to {InterruptPlan.MostInSecond}: each takes an asynchronous exit.", (a, text) =>
            int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int often)
                && often is > 0 and <= InterruptPlan.MostInSecond
                ? (a with { Interrupts = a.Interrupts with { InSecond = often } }, null)
                : (a, $"--interrupts {text}: write a number from 1 to {InterruptPlan.MostInSecond}")),
        new("--interrupt-every", "N[:SEED]",
            () => "A thread is interrupted after each N instructions inside, counted over all its visits: single-stepping with 1, at the same places every time. With SEED, a number, the first comes after 1 to N. Slow: entries stop, and each instruction.", (a, text) =>
            InterruptPlan.TryParse(text, out long every, out ulong? chosen)
            ? (a with { Interrupts = a.Interrupts with { Every = every, Seed = chosen } }, null)
                : (a, $"--interrupt-every {text}: write N or N:SEED, with N from 1")),
        new("--interrupt-at", "PLACES",
            () => "A thread is interrupted before it executes what is at a place of an enclave's code: SYMBOL, a function or label of the enclave's file, which the program opens or maps or --against names; SYMBOL+0xOFFSET; or 0xOFFSET from the enclave's base, where an instruction must begin. Each with :when=N, N+ or N..M, default every time. Several with commas.", (a, text) =>
            InterruptPlace.Parse(text) is { } places
            ? (a with { Interrupts = a.Interrupts with { Places = [.. a.Interrupts.Places, .. places] } }, null)
                : (a, $"--interrupt-at {text}: write SYMBOL, SYMBOL+0xOFFSET or 0xOFFSET, with :when=N, N+ or N..M, several with commas")),
        new("--nodes", "ACCESS",
            () => "Owner, group and mode of the nodes enclave, provision and vepc, as in enclave=root:sgx:0660,provision=root:sgx_prv:0660. Default: all may open them.", (a, text) =>
            (a with { Nodes = NodeText.Read(text, a.Nodes, out string? problem) }, problem)),
        new("--launch-hash", "HEX",
            () => "IA32_SGXLEPUBKEYHASH: MRSIGNER of the launch enclave, for --uapi isgx; the later drivers write it themselves. Default: Intel's.", (a, text) =>
            text.Length == 2 * LaunchHashLength && text.All(char.IsAsciiHexDigit)
            ? (a with { LaunchHash = Convert.FromHexString(text) }, null)
                : (a, $"--launch-hash {text}: write 64 hexadecimal digits; `cloister inspect` shows a file's MRSIGNER")),
        new("--platform", "NAME",
            () => "Whose machine: the name of a platform (`cloister platform list`); default is this user's own, the same at every run; new is a machine that no other run has.", (a, text) =>
            PlatformStore.NameProblem(text) is { } problem ? (a, $"--platform {problem}") : (a with { Platform = text }, null))
        {
            Values = () => [PlatformKey.Default, PlatformKey.New],
        },
        new("--seed", "TEXT",
            () => "Makes the machine's keys in place of --platform: the same text is the same machine, for every user and anywhere.",
            (a, text) => (a with { Seed = text }, null)),
        new("--machine", "NAME",
            () => "Join the machine of this name that runs, or make it: one EPC and one platform for all of this user's runs that name it, until the last has ended. A name with a / is a socket's path. A run that joins has the first one's options and may repeat them.", (a, text) =>
            MachineName.Problem(text) is { } problem ? (a, $"--machine {text}: {problem}") : (a with { Machine = text }, null)),
        new("--join", "NAME",
            () => "Join the machine of this name where one runs that takes this program, and else run on one of its own.", (a, text) =>
            MachineName.Problem(text) is { } problem ? (a, $"--join {text}: {problem}") : (a with { Join = text }, null)),
        new("--init", null,
            () => "What the program leaves behind ends with it, as in a container, in place of being waited for. So it is wherever Cloister is the first process.", (a, _) => (a with { Init = true }, null)),
        new("--tcb", "STATUS", () => VerdictText.TcbDescription, (a, text) => Verdict(a, text, "--tcb", VerdictText.Tcb))
        {
            Values = () => VerdictText.Statuses,
        },
        new("--qe-tcb", "STATUS", () => VerdictText.QuotingDescription, (a, text) => Verdict(a, text, "--qe-tcb", VerdictText.Quoting))
        {
            Values = () => VerdictText.QuotingStatuses,
        },
        new("--collateral", "fresh|expired", () => VerdictText.CollateralDescription,
            (a, text) => Verdict(a, text, "--collateral", VerdictText.Collateral)) { Values = () => VerdictText.Ages },
        new("--pck", "valid|revoked", () => VerdictText.PckDescription, (a, text) => Verdict(a, text, "--pck", VerdictText.Pck))
        {
            Values = () => VerdictText.Certificates,
        },
        new("--trust-development-root", null,
            () => "For a program's tests: where Intel's SGX root key stands in a program and its libraries, the development root's key stands in the program's memory. One line tells of each.", (a, _) => (a with { TrustsDevelopmentRoot = true }, null)),
        new("--stats", "text|json|no", () => "At the end print what the machine did: a line for each count, or one line of JSON.",
            (a, text) => text switch
        {
            "" or "text" => (a with { Stats = StatisticsFormat.Text }, null),
            "json" => (a with { Stats = StatisticsFormat.Json }, null),
            "no" => (a with { Stats = StatisticsFormat.None }, null),
            _ => (a, $"--stats={text}: there is text, json and no"),
        })
        {
            Values = () => ["text", "json", "no"],
            IsValueOptional = true,
        },
        new("--journal", null,
            () => "At the end print what happened to the pages of each enclave: their types, permissions and states, leaves and faults in their order; pages in a row to which the same happened are one line.",
            (a, _) => (a with { Journal = true }, null)),
        new("--explain", "yes|no",
            () => "Say of each failure once why: what was tried, where, which check refused it, the values on both sides, usual causes. Default: yes where messages go to a terminal.", (a, text) => text switch
        {
            "" or "yes" => (a with { Explain = true }, null),
            "no" => (a with { Explain = false }, null),
            _ => (a, $"--explain={text}: there is yes and no"),
        })
        {
            Values = () => ["yes", "no"],
            IsValueOptional = true,
        },
        new("--trace", "FILE",
            () => "Write down what happens, while it happens: leaves, ioctls, page faults, exits, paging, signals, mappings; - is the standard output stream.", (a, text) =>
            text.Length == 0 ? (a, "--trace: a file's name is needed, and it is empty")
            : (a with { Trace = text }, null)) { IsFile = true },
        new("--trace-format", "text|jsonl|chrome",
            () => "text: lines in the manner of strace; jsonl: an object a line; chrome: for Perfetto and chrome://tracing. Default: by the file's name, .jsonl and .json, else text.", (a, text) => text switch
        {
            "text" => (a with { TraceFormat = TraceFileFormat.Text }, null),
            "jsonl" => (a with { TraceFormat = TraceFileFormat.JsonLines }, null),
            "chrome" => (a with { TraceFormat = TraceFileFormat.Chrome }, null),
            _ => (a, $"--trace-format {text}: there is text, jsonl and chrome"),
        })
        {
            Values = () => ["text", "jsonl", "chrome"],
        },
        new("--trace-events", "KINDS",
            () => $"Trace these only, several with commas: {string.Join(", ", TraceNames.Kinds)}. Default: all.", (a, text) =>
            TraceNames.Parse(text, out string? strange) is var kinds && strange is null ? (a with { TraceEvents = kinds }, null)
                : (a, $"--trace-events {text}: no such kind{Spelling.Advice(strange!, [.. TraceNames.Kinds], "there is " + string.Join(", ", TraceNames.Kinds))}"))
        {
            Values = () => TraceNames.Kinds,
        },
        new("--coverage", "FILE",
            () => "Write down which lines and functions of enclaves' code are executed, as lcov does, for genhtml. Code is named by the files that the program opens or maps, and --against.", (a, text) =>
            text.Length == 0 ? (a, "--coverage: a file's name is needed, and it is empty")
            : (a with { Coverage = text }, null)) { IsFile = true },
        new("--profile", "FILE",
            () => "Write down in which functions of enclaves and host threads spend their time, looked at while they run: for pprof where FILE ends in .pb.gz or .pprof, else a line for each stack, for flame graphs.", (a, text) =>
            text.Length == 0 ? (a, "--profile: a file's name is needed, and it is empty")
            : (a with { Profile = text }, null)) { IsFile = true },
        new("--profile-rate", "HZ",
            () => $"How often in a second --profile looks, 1 to {InterruptPlan.MostInSecond}. Default: 99.", (a, text) =>
            int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int often)
                && often is > 0 and <= InterruptPlan.MostInSecond
                ? (a with { ProfileRate = often }, null)
                : (a, $"--profile-rate {text}: write a number from 1 to {InterruptPlan.MostInSecond}")),
        new("--metrics", "PLACE",
            () => "Serve what the machine does for Prometheus, at http://ADDRESS:PORT/metrics where PLACE is PORT or ADDRESS:PORT; 127.0.0.1 where no address is given, and a free port, which is told, for 0. With otlp=URL send it by OpenTelemetry's protocol (HTTP, protobuf), each minute and at the end; with otlp alone where OTEL_EXPORTER_OTLP_ENDPOINT says.", (a, text) =>
            OtlpTarget.IsMeant(text)
                ? OtlpTarget.Parse(text, Environment.GetEnvironmentVariable, out string? problem) is { } target
                    ? (a with { MetricsExport = target }, null) : (a, $"--metrics {OtlpTarget.Word}: {problem}")
            : ListenAddress.Parse(text) is { } place ? (a with { Metrics = place }, null)
            : (a, $"--metrics {text}: write PORT or ADDRESS:PORT, as in 9464 or 127.0.0.1:9464, or otlp=URL")),
        new("--dump", "DIR",
            () => "Write each enclave to DIR at its INIT: enclave-N.sgxs as it was measured, enclave-N.sig its SIGSTRUCT. What is there already stays as it is.", (a, text) =>
            text.Length == 0 ? (a, "--dump: a directory's name is needed, and it is empty")
            : (a with { Dump = text }, null)) { IsFile = true },
        new("--gdb", "PLACE",
            () => "Let a gdb debug the program, inside enclaves too; nothing of it runs before gdb says so. gdb comes by `target remote PLACE`: a port of this machine, ADDRESS:PORT, or the path of a UNIX socket to be made. `cloister gdb` does both.", (a, text) =>
            GdbPlace.Parse(text) is { } place ? (a with { Gdb = place }, null)
            : (a, $"--gdb {text}: write a port, as in 1234, ADDRESS:PORT, or the path of a socket, as in ./gdb.socket")),
        new("--output", "FILE",
            () => "Where Cloister's own messages and the statistics go, in place of the standard error stream; - is the standard output stream. The program's output stays where it is.", (a, text) =>
            text.Length == 0 ? (a, "--output: a file's name is needed, and it is empty")
            : (a with { Output = text }, null)) { Short = "-o", IsFile = true },
        new("--quiet", null, () => "Say nothing but errors, and what --stats and --journal ask for.",
            (a, _) => (a with { Quiet = true, Verbose = false }, null)) { Short = "-q" },
        new("--verbose", null, () => "Say which machine the program gets, where options come from, and how the program ended.",
            (a, _) => (a with { Verbose = true, Quiet = false }, null)) { Short = "-v" },
        new("--no-defaults", null, () => "Take no options from CLOISTER_OPTIONS and the configuration file.",
            (a, _) => (a with { NoDefaults = true }, null)),
    ];

    private static (RunArguments Arguments, string? Problem) Verdict(RunArguments arguments, string text, string option,
        VerdictText.Part part) =>
        part(arguments.Verdict, text, option, out string? problem) is { } verdict ? (arguments with { Verdict = verdict }, null)
        : (arguments, problem);

    private static (RunArguments Arguments, string? Problem) Epc(RunArguments arguments, string text)
    {
        if (!SizeText.TryParse(text, out long bytes))
        {
            return (arguments, $"--epc {text}: not a size; write bytes or K, M, G, as in 128M or 128MiB");
        }

        return bytes switch
        {
            0 => (arguments, "--epc 0: a machine needs an EPC; 8M is a small one"),
            _ when bytes % PageSize != 0 => (arguments, $"--epc {text}: not a multiple of a page (4096 bytes)"),
            _ when bytes / PageSize > int.MaxValue => (arguments, $"--epc {text}: more than any machine has"),
            _ => (arguments with { EpcBytes = bytes }, null),
        };
    }
}
