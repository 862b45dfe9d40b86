using Cloister.Driver;
using Cloister.Engine;
using Cloister.Processor.Cpus;

namespace Cloister.Cli.Running;

/// <summary>The command line of <c>cloister run</c>.</summary>
/// <remarks>Read here and not by System.CommandLine: what follows the program's name is the program's, and `run` has to start fast.</remarks>
internal sealed record RunArguments
{
    private const long PageSize = 4096;
    private const int LaunchHashLength = 32;
    private const string HostCpu = "host";

    private static readonly RunOption[] s_options =
    [
        new("--epc", "SIZE", () => $"Size of the EPC: bytes, or with K, M or G. Default: half of the memory, here {SizeText.Of(HostMemory.Read().DefaultEpc)}.", (a, text) =>
        {
            if (!SizeText.TryParse(text, out long bytes))
            {
                return (a, $"--epc {text}: not a size; write bytes or K, M, G, as in 128M");
            }

            return bytes switch
            {
                0 => (a, "--epc 0: a machine needs an EPC; 8M is a small one"),
                _ when bytes % PageSize != 0 => (a, $"--epc {text}: not a multiple of a page (4096 bytes)"),
                _ when bytes / PageSize > int.MaxValue => (a, $"--epc {text}: more than any machine has"),
                _ => (a with { EpcBytes = bytes }, null),
            };
        }),
        new("--cpu", "NAME", () => $"The processor that programs see: host, {string.Join(", ", CpuModels.All.Select(model => model.Name))}; `--cpu help` tells of each. Default here: {MachineDefaults.Cpu?.Name ?? HostCpu}.", (a, text) => text switch
        {
            "help" or "?" => (a with { CpuHelp = true }, null),
            HostCpu => (a with { Cpu = null, CpuIsHost = true }, null),
            _ when CpuModels.Find(text) is { } model => (a with { Cpu = model, CpuIsHost = false }, null),
            _ => (a, $"--cpu {text}: no such processor{Spelling.Advice(text, [HostCpu, .. CpuModels.All.Select(model => model.Name)], "`cloister run --cpu help` lists them")}"),
        }),
        new("--no-sgx2", null, () => "A processor with SGX1 only.", (a, _) => (a with { Sgx2 = false }, null)),
        new("--max-enclave-size", "SIZE", () => "The largest enclave in bytes, or with K, M, G, T or P: a power of two. Default 64P as on servers, with --no-sgx2 64G.", (a, text) =>
            SizeText.TryParse(text, out long bytes) && long.IsPow2(bytes) && bytes >= 2 * PageSize ? (a with { MaximumEnclaveSize = (byte)long.Log2(bytes) }, null)
                : (a, $"--max-enclave-size {text}: not a power of two of 8K or more; write bytes or K, M, G, T, P, as in 64G")),
        new("--engine", "trap|fast", () => "fast: enclaves are entered and left inside the program; trap: every ENCLU stops it (the reference).", (a, text) => text switch
        {
            "trap" => (a with { Engine = EngineMode.Trap }, null),
            "fast" => (a with { Engine = EngineMode.Fast }, null),
            _ => (a, $"--engine {text}: there is trap and fast"),
        }),
        new("--isolation", "strict|fast", () => "strict: the host reads 0xff where enclave memory is, as on hardware; fast: it sees the memory.", (a, text) => text switch
        {
            "strict" => (a with { Isolation = IsolationMode.Strict }, null),
            "fast" => (a with { Isolation = IsolationMode.Fast }, null),
            _ => (a, $"--isolation {text}: there is strict and fast"),
        }),
        new("--uapi", "NAME", () => "The driver's interface: " + string.Join(", ", Enum.GetValues<Generation>().Select(GenerationNames.Name)) + ". Default v6.0.", (a, text) =>
            GenerationNames.Parse(text) is { } generation ? (a with { Uapi = generation }, null)
                : (a, $"--uapi {text}: no such interface{Spelling.Advice(text, Enum.GetValues<Generation>().Select(GenerationNames.Name), "there is " + string.Join(", ", Enum.GetValues<Generation>().Select(GenerationNames.Name)))}")),
        new("--policy", "FILE", () => "Only enclaves that FILE names, by lines `mrenclave HEX` or `mrsigner HEX`, may execute pages added at run time.", (a, text) =>
            (a with { Policy = PolicyFile.Read(text, out string? problem) }, problem)),
        new("--presence", "userfaultfd|mprotect", () => "How enclave pages come and go in the program; default: userfaultfd where the kernel has it.", (a, text) => text switch
        {
            "userfaultfd" => (a with { Presence = PresenceMode.Userfaultfd }, null),
            "mprotect" => (a with { Presence = PresenceMode.Mprotect }, null),
            _ => (a, $"--presence {text}: there is userfaultfd and mprotect"),
        }),
        new("--against", "FILE", () => "The enclave file as it was signed: when EINIT refuses other pages, the first one that differs is named.", (a, text) => (a with { Against = text }, null)),
        new("--power-loss", "EVENTS", () => "The machine loses power before the Nth EENTER or ioctl: entry=N, ioctl=N, several with commas. SIGPWR does it at any time.", (a, text) =>
            PowerLossPlan.Parse(text) is { } plan ? (a with { PowerLoss = plan }, null) : (a, $"--power-loss {text}: write entry=N or ioctl=N, with N from 1, several with commas")),
        new("--nodes", "ACCESS", () => "Owner, group and mode of the nodes enclave, provision and vepc, as in enclave=root:sgx:0660,provision=root:sgx_prv:0660. Default: all may open them.", (a, text) =>
            (a with { Nodes = NodeText.Read(text, a.Nodes, out string? problem) }, problem)),
        new("--launch-hash", "HEX", () => "IA32_SGXLEPUBKEYHASH: MRSIGNER of the launch enclave, for --uapi isgx; the later drivers write it themselves. Default: Intel's.", (a, text) =>
            text.Length == 2 * LaunchHashLength && text.All(char.IsAsciiHexDigit) ? (a with { LaunchHash = Convert.FromHexString(text) }, null)
                : (a, $"--launch-hash {text}: write 64 hexadecimal digits; `cloister inspect` shows a file's MRSIGNER")),
        new("--platform", $"{PlatformKey.Default}|{PlatformKey.New}", () => "Whose keys: default is this user's machine, the same at every run; new is a machine that no other run has.", (a, text) => text switch
        {
            PlatformKey.Default => (a with { Platform = text }, null),
            PlatformKey.New => (a with { Platform = text }, null),
            _ => (a, $"--platform {text}: there is {PlatformKey.Default} and {PlatformKey.New}"),
        }),
        new("--seed", "TEXT", () => "Makes the machine's keys in place of --platform: the same text is the same machine, for every user and anywhere.", (a, text) => (a with { Seed = text }, null)),
        new("--stats", null, () => "At the end print what the machine did, to standard error.", (a, _) => (a with { Stats = true }, null)),
    ];

    /// <summary>Bytes of EPC; null takes the machine's default.</summary>
    public long? EpcBytes { get; init; }

    /// <summary>The processor; null is the host's, or the machine's default.</summary>
    public CpuModel? Cpu { get; init; }

    /// <summary>Whether the host's processor was asked for.</summary>
    public bool CpuIsHost { get; init; }

    /// <summary>Whether the list of processors was asked for.</summary>
    public bool CpuHelp { get; init; }

    /// <summary>Whose keys; null takes the default.</summary>
    public string? Platform { get; init; }

    /// <summary>Whether the processor has SGX2.</summary>
    public bool Sgx2 { get; init; } = true;

    /// <summary>log2 of the largest enclave's bytes; null leaves it to the kind of processor.</summary>
    public byte? MaximumEnclaveSize { get; init; }

    /// <summary>Which engine; null takes the machine's default.</summary>
    public EngineMode? Engine { get; init; }

    /// <summary>Which isolation; null takes the machine's default.</summary>
    public IsolationMode? Isolation { get; init; }

    /// <summary>The interface the driver speaks.</summary>
    public Generation Uapi { get; init; } = Generation.V6_0;

    /// <summary>How pages come and go.</summary>
    public PresenceMode Presence { get; init; } = PresenceMode.Auto;

    /// <summary>Which enclaves may execute pages added at run time; null leaves it to the interface.</summary>
    public ExecuteDirtyPolicy? Policy { get; init; }

    /// <summary>The file to explain a refused measurement by; null for none.</summary>
    public string? Against { get; init; }

    /// <summary>When the machine loses power by itself.</summary>
    public PowerLossPlan PowerLoss { get; init; } = new();

    /// <summary>Who may open the device nodes.</summary>
    public DeviceNodeOptions Nodes { get; init; } = new();

    /// <summary>The launch control registers at the beginning; null for Intel's.</summary>
    public byte[]? LaunchHash { get; init; }

    /// <summary>Text that makes the keys.</summary>
    public string? Seed { get; init; }

    /// <summary>Whether to print statistics.</summary>
    public bool Stats { get; init; }

    /// <summary>Whether help was asked for.</summary>
    public bool Help { get; init; }

    /// <summary>The program and its arguments.</summary>
    public IReadOnlyList<string> Program { get; init; } = [];

    /// <summary>Reads options up to <c>--</c> or the first argument that is none; the rest is the program's.</summary>
    /// <param name="arguments">What follows <c>run</c>.</param>
    /// <param name="parsed">What they say.</param>
    /// <returns>What is wrong with them, or null.</returns>
    public static string? TryParse(ReadOnlySpan<string> arguments, out RunArguments parsed)
    {
        parsed = new RunArguments();
        int at = 0;
        for (; at < arguments.Length && arguments[at].StartsWith('-'); at++)
        {
            string argument = arguments[at];
            if (argument == "--")
            {
                at++;
                break;
            }

            if (argument is "--help" or "-h" or "-?")
            {
                parsed = parsed with { Help = true };
                return null;
            }

            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? argument : argument[..equals];
            string? value = equals < 0 ? null : argument[(equals + 1)..];
            if (Array.Find(s_options, o => o.Name == name) is not { } option)
            {
                return $"there is no option {name}{Spelling.Advice(name, s_options.Select(o => o.Name).Append("--help"), "`cloister run --help` lists them")}";
            }

            if (option.ValueName is null)
            {
                if (value is not null)
                {
                    return $"{name} takes no value";
                }
            }
            else if (value is null)
            {
                if (++at >= arguments.Length || arguments[at] == "--")
                {
                    return $"{name} needs a value: {name} {option.ValueName}";
                }

                value = arguments[at];
            }

            (parsed, string? problem) = option.Apply(parsed, value ?? "");
            if (problem is not null)
            {
                return problem;
            }

            if (parsed.CpuHelp)
            {
                return null;
            }
        }

        if (parsed is { Seed: not null, Platform: not null })
        {
            return "--seed and --platform both say whose keys: give one of them";
        }

        parsed = parsed with { Program = arguments[at..].ToArray() };
        return parsed.Program.Count == 0 ? "no program to run; write `cloister run -- PROGRAM ARGUMENTS`" : null;
    }

    /// <summary>Prints the processors.</summary>
    public static void PrintCpus(TextWriter writer)
    {
        writer.WriteLine($"  {HostCpu,-17} this machine's own, with SGX{(MachineDefaults.Cpu is null ? " (the default here)" : "")}");
        foreach (CpuModel model in CpuModels.All)
        {
            string sgx = model.Sgx2 ? model.ServerSgx ? "SGX2 with key separation, AEX-Notify" : "SGX2" : "SGX1";
            writer.WriteLine($"  {model.Name,-17} {model.Brand}: {sgx}{(MachineDefaults.Cpu == model ? " (the default here)" : "")}");
        }

        writer.WriteLine("A processor with a name has only those of its features that this machine has as well, and that lie in XSAVE where Intel's do.");
    }

    /// <summary>Prints what there is to say about <c>run</c>.</summary>
    public static void PrintHelp(TextWriter writer)
    {
        writer.WriteLine("""
            Run a program on the machine. Its standard streams, exit status and signals are its own.

            Usage:
              cloister run [OPTIONS] [--] PROGRAM [ARGUMENTS]

            Options:
            """);
        foreach (RunOption option in s_options)
        {
            writer.WriteLine($"  {option.Name + (option.ValueName is null ? "" : " " + option.ValueName),-25} {option.Description()}");
        }

        writer.WriteLine($"  {"--help",-25} This text.");
        writer.WriteLine("""

            Examples:
              cloister run -- ./my-sgx-app --its-own-option
              cloister run --epc 8M --stats -- ./my-sgx-app      # a small EPC: pages are evicted
              cloister run --cpu icelake-server -- ./my-sgx-app  # on a processor that it knows
              cloister run --platform new -- ./my-sgx-app        # keys that no other run has
              cloister run --engine=trap -- ./my-sgx-app         # the plain way, to compare with
              cloister run --power-loss entry=100 -- ./my-sgx-app   # the enclave is lost, as in a suspend

            SIGPWR sent to Cloister is a loss of power as well; SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1 and SIGUSR2
            are passed on to the program.

            Exit status:
              the program's; when a signal ends the program, Cloister ends by the same signal.
              64 wrong arguments, 65 not a program that can run here, 66 no such program, 69 the machine
              lacks something (see `cloister doctor`) or a limit is too low (ulimit), 70 an error of Cloister's
              own, 74 output could not be written, 77 the kernel does not permit tracing.
            """);
    }
}
