using System.Net;
using Cloister.Attestation.Collaterals;
using Cloister.Cli.Metrics;
using Cloister.Cli.Tracing;
using Cloister.Driver;
using Cloister.Engine.Options;
using Cloister.Processor.Cpus;

namespace Cloister.Cli.Running;

/// <summary>The command line of <c>cloister run</c>.</summary>
/// <remarks>
/// Read here and not by System.CommandLine: what follows the program's name is the program's, and `run` has to start fast.
/// </remarks>
internal sealed record RunArguments
{
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

    /// <summary>What verifiers of its quotes find.</summary>
    public Verdict Verdict { get; init; } = new();

    /// <summary>Whether the processor has SGX2.</summary>
    public bool Sgx2 { get; init; } = true;

    /// <summary>Whether the development root stands in place of Intel's in programs.</summary>
    public bool TrustsDevelopmentRoot { get; init; }

    /// <summary>Whether the driver executes EUPDATESVN.</summary>
    public bool UpdatesSvn { get; init; }

    /// <summary>The kernel's own driver, in a shared object; null for Cloister's.</summary>
    public string? Driver { get; init; }

    /// <summary>log2 of the largest enclave's bytes; null leaves it to the kind of processor.</summary>
    public byte? MaximumEnclaveSize { get; init; }

    /// <summary>Which engine; null takes the machine's default.</summary>
    public EngineMode? Engine { get; init; }

    /// <summary>When programs are traced.</summary>
    public AttachMode Attach { get; init; } = AttachMode.Begin;

    /// <summary>Which isolation; null takes the machine's default.</summary>
    public IsolationMode? Isolation { get; init; }

    /// <summary>The interface the driver speaks.</summary>
    public Generation Uapi { get; init; } = Generation.V6_0;

    /// <summary>How pages come and go.</summary>
    public PresenceMode Presence { get; init; } = PresenceMode.Auto;

    /// <summary>How CPUID is answered.</summary>
    public CpuidMode Cpuid { get; init; } = CpuidMode.Replace;

    /// <summary>Which enclaves may execute pages added at run time; null leaves it to the interface.</summary>
    public ExecuteDirtyPolicy? Policy { get; init; }

    /// <summary>The file to explain a refused measurement by; null for none.</summary>
    public string? Against { get; init; }

    /// <summary>What is to go wrong by order.</summary>
    public IReadOnlyList<InjectedFailure> Injected { get; init; } = [];

    /// <summary>Interrupts by order.</summary>
    public InterruptPlan Interrupts { get; init; } = new();

    /// <summary>When the machine loses power by itself.</summary>
    public PowerLossPlan PowerLoss { get; init; } = new();

    /// <summary>Who may open the device nodes.</summary>
    public DeviceNodeOptions Nodes { get; init; } = new();

    /// <summary>The launch control registers at the beginning; null for Intel's.</summary>
    public byte[]? LaunchHash { get; init; }

    /// <summary>The machine to join, or to make for others to join; null for one of its own.</summary>
    public string? Machine { get; init; }

    /// <summary>The machine to join where there is one; null for none.</summary>
    public string? Join { get; init; }

    /// <summary>Whether what the program leaves behind ends with it.</summary>
    public bool Init { get; init; }

    /// <summary>Text that makes the keys.</summary>
    public string? Seed { get; init; }

    /// <summary>How to print statistics.</summary>
    public StatisticsFormat Stats { get; init; }

    /// <summary>Whether to print what happened to each page.</summary>
    public bool Journal { get; init; }

    /// <summary>Whether to explain failures; null where the error stream is a terminal.</summary>
    public bool? Explain { get; init; }

    /// <summary>Whether failures are explained.</summary>
    public bool Explains => Explain ?? (!Quiet && Output is null && !Console.IsErrorRedirected);

    /// <summary>The file to trace to; null for none.</summary>
    public string? Trace { get; init; }

    /// <summary>The file for what was executed inside; null for none.</summary>
    public string? Coverage { get; init; }

    /// <summary>The file for where threads were; null for none.</summary>
    public string? Profile { get; init; }

    /// <summary>How often in a second that is looked at.</summary>
    public int ProfileRate { get; init; } = 99;

    /// <summary>Where a gdb comes; null for none.</summary>
    public GdbPlace? Gdb { get; init; }

    /// <summary>How to write it; null as the file's name says.</summary>
    public TraceFileFormat? TraceFormat { get; init; }

    /// <summary>What to trace.</summary>
    public TraceKinds TraceEvents { get; init; } = TraceKinds.All;

    /// <summary>Where metrics are served; null for nowhere.</summary>
    public IPEndPoint? Metrics { get; init; }

    /// <summary>Where metrics are sent; null for nowhere.</summary>
    public OtlpTarget? MetricsExport { get; init; }

    /// <summary>The directory that enclaves are written to; null for none.</summary>
    public string? Dump { get; init; }

    /// <summary>The file for Cloister's own messages; null is the error stream.</summary>
    public string? Output { get; init; }

    /// <summary>Whether to say nothing but errors.</summary>
    public bool Quiet { get; init; }

    /// <summary>Whether to say more.</summary>
    public bool Verbose { get; init; }

    /// <summary>Whether the command line alone counts.</summary>
    public bool NoDefaults { get; init; }

    /// <summary>Options that were not on the command line.</summary>
    public IReadOnlyList<OptionOrigin> Origins { get; init; } = [];

    /// <summary>Whether help was asked for.</summary>
    public bool Help { get; init; }

    /// <summary>The program and its arguments.</summary>
    public IReadOnlyList<string> Program { get; init; } = [];

    /// <summary>Reads options up to <c>--</c> or the first argument that is none; the rest is the program's.</summary>
    /// <param name="arguments">What follows <c>run</c>.</param>
    /// <param name="parsed">What they say.</param>
    /// <returns>What is wrong with them, or null.</returns>
    public static string? TryParse(ReadOnlySpan<string> arguments, out RunArguments parsed) =>
        TryParse(arguments, new RunArguments(), out parsed);

    /// <summary>Reads options up to <c>--</c> or the first argument that is none; the rest is the program's.</summary>
    /// <param name="arguments">What follows <c>run</c>.</param>
    /// <param name="defaults">What holds where they say nothing.</param>
    /// <param name="parsed">What they say.</param>
    /// <returns>What is wrong with them, or null.</returns>
    public static string? TryParse(ReadOnlySpan<string> arguments, RunArguments defaults, out RunArguments parsed)
    {
        if (OptionReader.Read(arguments, defaults, out parsed, out int read) is { } problem)
        {
            return problem;
        }

        if (parsed.Help || parsed.CpuHelp)
        {
            return null;
        }

        parsed = parsed with { Program = arguments[read..].ToArray() };
        return parsed.Program.Count == 0 ? "no program to run; write `cloister run -- PROGRAM ARGUMENTS`" : null;
    }
}
