using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Devices;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Fast;
using Cloister.Engine.Instructions;
using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Programs;
using Cloister.Engine.SystemCalls;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine;

/// <summary>Runs a program on the machine: one thread makes all ptrace calls and answers every stop.</summary>
/// <remarks>Nothing is locked: the model, the driver and the books of the engine are touched by this thread only.</remarks>
public sealed class Tracer : IThreadKicker, IDisposable
{
    private readonly HashSet<string> _notices = [];
    private bool _broken; // a defect showed itself: releasing what there is would only hide it

    /// <summary>Makes the machine that programs will run on.</summary>
    public Tracer(EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Options = options;
        Epc = new EpcMemory(options.EpcPages);
        MachineOptions machine = HostProcessor.Fit(options.Machine);
        Cpuid = new CpuidEmulator(machine.Capabilities, [(0x70000000, (ulong)Epc.PageCount * 4096)], machine.Cpu);
        Machine = new SgxMachine(machine with { NewMeasurement = () => new Measurement(new HashThread(Cores.UseAllCores), HashThread.Capacity) }, Epc);
        Driver = new SgxDriver(Machine, options.Driver, this);
        Changes = new PendingChanges(this);
        Machine.Observer = Changes.Watcher;
        Loop = new EventLoop(this);
        Files = new DeviceFiles(Epc, Driver)
        {
            OnFilled = (file, page) => Illegal?.Filled(file, page),
            OnRelease = () => Accepts?.Withdraw(),
            IsUsed = file => Ioctls?.Use(file) == true,
        };
        PowerLoss = new PowerLoss(this);
        SystemCalls = new SystemCallTable(this);
        Ioctls = new RunningIoctls();
        Processes = new Processes(this);
        Untold = new UntoldChildren(this);
        Gates = new Gates(this);
        Interruptions = new Interruptions(this);
        Exceptions = new Exceptions(this);
        Enclu = new EncluStops(this);
        Exits = new AsynchronousExits(this);
        Faults = new PageFaults(Driver);
        Signals = new SignalDelivery(this);
        RealMappings = new RealMappings(this);
        Accepts = new Accepts(this);
        Illegal = new IllegalCode(this);
    }

    /// <summary>What it was made with.</summary>
    public EngineOptions Options { get; }

    /// <summary>The processor.</summary>
    public SgxMachine Machine { get; }

    /// <summary>The driver.</summary>
    public SgxDriver Driver { get; }

    /// <summary>Hears what threads do. Nobody by default.</summary>
    public IEngineObserver Observer { get; set; } = IEngineObserver.Silent;

    internal EpcMemory Epc { get; }

    internal CpuidEmulator Cpuid { get; }

    internal EventLoop Loop { get; }

    internal RootProcess Root { get; } = new();

    internal PendingChanges Changes { get; }

    internal DeviceFiles Files { get; }

    internal PowerLoss PowerLoss { get; }

    internal SystemCallTable SystemCalls { get; }

    internal Exceptions Exceptions { get; }

    internal Gates Gates { get; }

    internal Interruptions Interruptions { get; }

    internal EncluStops Enclu { get; }

    internal AsynchronousExits Exits { get; }

    internal PageFaults Faults { get; }

    internal SignalDelivery Signals { get; }

    internal Accepts Accepts { get; }

    internal IllegalCode Illegal { get; }

    internal CoreSharing Cores { get; } = new();

    internal Waits Waits { get; } = new();

    internal UntoldChildren Untold { get; }

    internal RealMappings RealMappings { get; }

    internal RunningIoctls Ioctls { get; }

    internal Processes Processes { get; }

    /// <summary>Stops answered, by what they were: for statistics.</summary>
    public StopCounts Stops { get; } = new();

    /// <summary>Runs a program, found by name, to its end, and all it starts. Call once.</summary>
    /// <returns>How the program ended.</returns>
    public ProgramEnd Run(IReadOnlyList<string> command) => Run(ProgramInvocation.Of(command));

    /// <summary>Runs a program to its end, and all it starts. Call once.</summary>
    /// <returns>How the program ended.</returns>
    public ProgramEnd Run(ProgramInvocation program)
    {
        ArgumentNullException.ThrowIfNull(program);
        Root.Begin(ProgramStart.Start(this, program));
        try
        {
            Loop.Run();
        }
        catch
        {
            _broken = true;
            throw;
        }

        return Root.End;
    }

    /// <summary>Hears, once each, what the machine has to do without.</summary>
    public Action<string>? OnNotice { get; set; }

    /// <summary>Sends a signal to the program. May be called by any thread.</summary>
    /// <returns>False when the program has not begun or has ended: what it started may still run.</returns>
    public bool Signal(int signal) => Root.Signal(signal);

    /// <summary>Passes on a signal that was sent to this process, unless it was sent to the program as well. May be called by any thread.</summary>
    /// <returns>False when the program did not get it: it has not begun or has ended.</returns>
    public bool Relay(int signal) => Root.Relay(signal);

    /// <summary>The machine loses power at its next stop, and has it again: the EPC is empty, and every enclave gone. May be called by any thread.</summary>
    public void LosePower() => PowerLoss.Request(Root.Id);

    /// <inheritdoc/>
    public void ForceExits(EpcPage secs) => Interruptions.ForceExits(secs);

    /// <inheritdoc/>
    public void Dispose()
    {
        Cores.Dispose();
        if (!_broken)
        {
            Files.Dispose();
        }

        Epc.Dispose();
    }

    internal void Notice(string text)
    {
        if (_notices.Add(text))
        {
            OnNotice?.Invoke(text);
        }
    }

    /// <summary>Does something to a thread that may be killed meanwhile; its end is then told later.</summary>
    /// <param name="action">What to do.</param>
    /// <param name="cause">Whose process ends when the host has no memory for it, as the kernel ends one then; without one the largest that has enclaves.</param>
    /// <returns>The thread that ended meanwhile, or 0.</returns>
    internal int Guard(Action action, TracedThread? cause = null)
    {
        try
        {
            action();
            return 0;
        }
        catch (ThreadEndedException e)
        {
            if (Processes.Find(e.Thread) is { } thread)
            {
                // Its stop was answered half way: the tables may still have it inside.
                Processes.NoteGone(thread);
            }

            if (e.Status is { } status)
            {
                Waits.Park(e.Thread, status);
            }

            return e.Thread;
        }
        catch (NoMemoryException e) when ((cause ?? Processes.LargestDeviceUser()) is { } victim)
        {
            // Linux, mm/oom_kill.c, oom_kill_process: SIGKILL.
            Notice($"the host has no memory for an enclave ({e.Message}): its program is killed");
            Ioctls.Abandon(victim);
            _ = HostKernel.Kill(victim.Process.Id, Linux.Signal.SIGKILL);
            return 0;
        }
    }
}
