using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Engine.Options;

/// <summary>How enclave transitions are made.</summary>
public enum EngineMode
{
    /// <summary>Every ENCLU stops for the tracer: the reference.</summary>
    Trap,
    /// <summary>EENTER and EEXIT run in the program itself where nothing stands against it.</summary>
    Fast,
}

/// <summary>What the host sees of enclave memory.</summary>
public enum IsolationMode
{
    /// <summary>The memory itself: cheap, and not what hardware does.</summary>
    Fast,
    /// <summary>Abort page semantics: reads give 0xff, writes vanish.</summary>
    Strict,
}

/// <summary>How pages of an enclave are made to come and go in a program.</summary>
public enum PresenceMode
{
    /// <summary>userfaultfd where the kernel has it, else mprotect.</summary>
    Auto,
    /// <summary>userfaultfd: no system call of the program, any number of pages.</summary>
    Userfaultfd,
    /// <summary>mprotect in the program: slower, and the kernel's limit of mappings (vm.max_map_count) bounds scattered pages.</summary>
    Mprotect,
}

/// <summary>How CPUID is answered outside enclaves.</summary>
public enum CpuidMode
{
    /// <summary>It is replaced by HLT in the code that programs map.</summary>
    Replace,
    /// <summary>The processor makes it fault, and code stays as it is: ARCH_SET_CPUID of arch_prctl(2).</summary>
    Fault,
}

/// <summary>From when on programs are traced.</summary>
public enum AttachMode
{
    /// <summary>From their beginning.</summary>
    Begin,
    /// <summary>From when they execute or load a file that speaks of SGX, or open the device: all others can be traced by others.</summary>
    Device,
}

/// <summary>How to run a program.</summary>
public sealed record EngineOptions
{
    /// <summary>Pages of the EPC.</summary>
    public int EpcPages { get; init; } = 32768;

    /// <summary>The processor.</summary>
    public MachineOptions Machine { get; init; } = new();

    /// <summary>The driver.</summary>
    public DriverOptions Driver { get; init; } = new();

    /// <summary>The kernel's own driver, in a shared object of <c>cloister driver build</c>; null for Cloister's.</summary>
    public string? KernelDriver { get; init; }

    /// <summary>How transitions are made.</summary>
    public EngineMode Mode { get; init; } = EngineMode.Fast;

    /// <summary>What the host sees of enclave memory.</summary>
    public IsolationMode Isolation { get; init; } = IsolationMode.Fast;

    /// <summary>Who may open the device nodes.</summary>
    public DeviceNodeOptions Nodes { get; init; } = new();

    /// <summary>When the machine loses power by itself: never, if nothing is said.</summary>
    public PowerLossPlan PowerLoss { get; init; } = new();

    /// <summary>Interrupts by order: none, if nothing is said.</summary>
    public InterruptPlan Interrupts { get; init; } = new();

    /// <summary>How pages come and go.</summary>
    public PresenceMode Presence { get; init; } = PresenceMode.Auto;

    /// <summary>How CPUID is answered.</summary>
    public CpuidMode Cpuid { get; init; } = CpuidMode.Replace;

    /// <summary>Whether what the program leaves behind ends with it, as with the first process of a namespace: pid_namespaces(7).</summary>
    public bool EndsWithProgram { get; init; }

    /// <summary>From when on programs are traced.</summary>
    public AttachMode Attach { get; init; } = AttachMode.Begin;

    /// <summary>UNIX sockets that services of this process stand behind.</summary>
    public IReadOnlyList<ServedSocket> Sockets { get; init; } = [];

    /// <summary>Files that this process makes.</summary>
    public IReadOnlyList<ServedFile> Files { get; init; } = [];

    /// <summary>What stands in programs' memory in place of bytes of the files that they execute.</summary>
    public IReadOnlyList<ReplacedBytes> Replaced { get; init; } = [];

    /// <summary>Libraries that this process makes where they are not installed.</summary>
    public IReadOnlyList<ServedLibrary> Libraries { get; init; } = [];
}
