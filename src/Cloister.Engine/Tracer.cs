using System.Globalization;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Debugging;
using Cloister.Engine.Devices;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Fast;
using Cloister.Engine.Instructions;
using Cloister.Engine.Kernel;
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
    private readonly ForcedExits _forcedExits;
    private readonly Observation _observed = new();
    private Action<string>? _onNotice;
    private bool _broken; // a defect showed itself: releasing what there is would only hide it

    /// <summary>Makes the machine that programs will run on.</summary>
    public Tracer(EngineOptions options)
        : this(options, new PtracePlatform(SystemCallTable.FilterOf(FilterSet.SignalMasks)))
    {
    }

    internal Tracer(EngineOptions options, IPlatform platform)
    {
        ArgumentNullException.ThrowIfNull(options);
        (Options, Platform) = (options, platform);
        Root = new RootProcess(options.EndsWithProgram);
        Epc = new EpcMemory(options.EpcPages);
        MachineOptions machine = HostProcessor.Fit(options.Machine);
        Cpuid = new CpuidEmulator(machine.Capabilities, [(0x70000000, (ulong)Epc.PageCount * 4096)], machine.Cpu);
        Machine =
            new SgxMachine(
            machine with { NewMeasurement = () => new Measurement(new HashThread(Platform.UseAllCores), HashThread.Capacity) }, Epc);
        Driver = options.KernelDriver is { } path ? new KernelSgxDriver(path, Machine, new Survivor(this), Notice)
            : new SgxDriver(Machine, options.Driver, this);
        var lifecycle = new Lifecycle(this);
        Losses = new PlannedLosses(options.PowerLoss, Driver.Orders);
        Fast = new FastSpaces(Machine, _observed, options.Isolation == IsolationMode.Strict);
        var pages = new PageObservers();
        Files = new DeviceFiles(Epc, Driver, pages) { IsUsed = Ioctls.Use, Filter = SystemCallTable.FilterOf(FilterSet.DeviceUser) };
        Processes = new Processes(NewSpace, Platform, lifecycle, _observed);
        Guard = new Guard(Processes, Platform, lifecycle, Notice);
        Interruptions = new Interruptions(Processes, Platform, lifecycle, Guard);
        var mappings = new DeviceMappings(Driver, Files, Platform, options.Presence, Notice);
        RealMappings = new RealMappings(NewSpace, Driver, Files, Processes, mappings);
        Placement = new MappingPlacement(Files, mappings, RealMappings, options.Presence, Notice);
        Accepts = new Accepts(Machine, Driver, Epc, Ioctls, Fast, _observed);
        Strict = new StrictView(Processes);
        Gates = new Gates(Machine, Fast, Interruptions, Platform, Accepts, Guard, Strict);
        var watcher = new EpcmWatcher(Epc, pages, Fast.Awaited);
        Machine.Observer = watcher;
        Changes = new PendingChanges(Machine, watcher, Files, Processes, Interruptions, Guard);
        Faults = new PageFaults(Driver);
        Signals = new SignalDelivery(_observed, Fast, Faults, Driver, Files, Processes, Interruptions, Platform, Changes);
        Illegal = new IllegalCode(Machine, Files, Processes, Interruptions, Platform, Notice);
        pages.Add(Accepts);
        pages.Add(Fast);
        pages.Add(Illegal);
        Exits = new AsynchronousExits(Machine, Fast, Faults, Signals);
        Steps = new StepInterrupts(options.Interrupts, Exits, Platform);
        var enclu = new EncluStops(
            Machine, options, Losses, Faults, Signals, Exits, Accepts, Fast, new SitePatcher(Fast, Interruptions), Steps);
        var abortPage = new AbortPage(RealMappings, Signals, Changes, Interruptions, Platform, Notice);
        var cpuid = new EmulatedCpuid(Cpuid, enclu);
        var traps = new Traps(Signals, Exits, Illegal);
        var memory = new MemoryFaults(Machine, Platform, options.Isolation, Fast, Faults, Signals, Exits, enclu, cpuid, traps, Illegal,
            abortPage, Strict);
        Exceptions = new Exceptions(
            Platform, Signals, Exits, new InvalidOpcodes(Exits, enclu, Illegal), memory, traps, Illegal, Steps, Strict);
        _forcedExits = new ForcedExits(Fast, Processes, Interruptions, Platform, Gates, Exits, Exceptions);
        Replacer = new ByteReplacer(options.Replaced, Notice);
        SystemCalls = new SystemCallHandlers(options, Driver, Epc, Cpuid, Files, Ioctls, Processes, Platform, Exceptions, RealMappings,
            Placement, Losses, Replacer);
        Debugger = new Debugger(Machine, Driver, Fast, Platform, Interruptions, Gates, Changes, Exits, enclu);
        pages.Add(Debugger);
        FirstVisits = new FirstVisits(Files, Platform, Debugger.Has);
        pages.Add(FirstVisits);
        PlaceInterrupts = new PlaceInterrupts(Files, Platform, Interruptions, Exits, FirstVisits, Debugger.Has, _observed);
        pages.Add(PlaceInterrupts);
        Illegal.OnGuarded = (thread, mapping, start, end) =>
        {
            FirstVisits.Guarded(thread, mapping, start, end);
            PlaceInterrupts.Guarded(thread, mapping, start, end);
        };
        Illegal.OnExecuted = FirstVisits.Executed;
        Signals.Stands = (thread, signal) => Debugger.Takes(thread, Answer.Raise(signal), signal.Number);
        Untraced = platform is PtracePlatform held && options.Attach == AttachMode.Device
            ? new UntracedPrograms(options, held, new CpuidEmulator(machine.Capabilities, [], machine.Cpu), Processes, Guard, Guests, Root,
                () => BaseFilter, Ask, Notice)
            : null;
        Loop = new EventLoop(this);
        Debugger.OnDecided = Loop.Do;
        Illegal.OnExecutable = Debugger.NoteExecutable;
        PowerLoss = new PowerLoss(Machine, Driver, Epc, Processes, Accepts, _forcedExits, Loop.FinishIoctls, _observed);
        Losses.OnDue = PowerLoss.Lose;
        Gates.OnWaited = Interruptions.OnReleased = Loop.RunOn;
    }

    /// <summary>What it was made with.</summary>
    public EngineOptions Options { get; }

    /// <summary>The processor.</summary>
    public SgxMachine Machine { get; }

    /// <summary>The driver.</summary>
    public ISgxDriver Driver { get; }

    /// <summary>Hears what threads do. Nobody by default.</summary>
    public IEngineObserver Observer
    {
        get => _observed.Observer;
        set => _observed.Observer = value;
    }

    /// <summary>Chooses places of enclaves' code to hear of when they are first executed. Nobody by default.</summary>
    public ICodePlaces? Places
    {
        get => FirstVisits.Places;
        set => FirstVisits.Places = value;
    }

    /// <summary>Chooses places of enclaves' code at which threads are interrupted. Nobody by default.</summary>
    public IInterruptPlaces? InterruptPlaces
    {
        get => PlaceInterrupts.Places;
        set => PlaceInterrupts.Places = value;
    }

    /// <summary>Looks at threads by time, from the program's begin. Nobody by default.</summary>
    public ISampler? Sampler { get; set; }

    internal EpcMemory Epc { get; }

    internal CpuidEmulator Cpuid { get; }

    internal EventLoop Loop { get; }

    internal RootProcess Root { get; }

    internal Questions Questions { get; } = new();

    internal UntracedPrograms? Untraced { get; }

    internal Guests Guests { get; } = new();

    internal Debugger Debugger { get; }

    internal FirstVisits FirstVisits { get; }

    internal PlaceInterrupts PlaceInterrupts { get; }

    internal IPlatform Platform { get; }

    internal RunningIoctls Ioctls { get; } = new();

    internal PlannedLosses Losses { get; }

    internal FastSpaces Fast { get; }

    internal StrictView Strict { get; }

    internal DeviceFiles Files { get; }

    internal Processes Processes { get; }

    internal Guard Guard { get; }

    internal Interruptions Interruptions { get; }

    internal RealMappings RealMappings { get; }

    internal MappingPlacement Placement { get; }

    internal Accepts Accepts { get; }

    internal Gates Gates { get; }

    internal PendingChanges Changes { get; }

    internal PageFaults Faults { get; }

    internal SignalDelivery Signals { get; }

    internal IllegalCode Illegal { get; }

    internal ByteReplacer Replacer { get; }

    internal Exceptions Exceptions { get; }

    internal SystemCallHandlers SystemCalls { get; }

    internal PowerLoss PowerLoss { get; }

    internal AsynchronousExits Exits { get; }

    internal StepInterrupts Steps { get; }

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
        Root.Begin(BeginRoot(program));
        try
        {
            var timed = new TimedInterrupts(
                Options.Interrupts, Processes, this, interrupt => Ask(_ => interrupt(), CancellationToken.None));
            _ = timed.Begin(() => Questions.AreOver);
            if (Sampler is { } sampler)
            {
                var samples = new TimedSamples(
                    sampler, Processes, Interruptions, sample => Ask(_ => sample(), CancellationToken.None));
                _ = samples.Begin(() => Questions.AreOver);
            }

            foreach (double seconds in Options.PowerLoss.Seconds)
            {
                _ = LosePowerAfter(seconds);
            }

            foreach (InjectedFailure order in Options.Driver.Injected.Where(one => one.Moment == InjectedMoment.Time))
            {
                _ = CarryAfter(order);
            }

            Loop.Run();
        }
        catch
        {
            _broken = true;
            throw;
        }
        finally
        {
            Questions.End();
        }

        return Root.End;
    }

    /// <summary>Hears, once each, what the machine has to do without.</summary>
    public Action<string>? OnNotice
    {
        get => _onNotice;
        set
        {
            _onNotice = value;
            foreach (string early in _notices)
            {
                value?.Invoke(early);
            }
        }
    }

    /// <summary>Sends a signal to the program. May be called by any thread.</summary>
    /// <returns>False when the program has not begun or has ended: what it started may still run.</returns>
    public bool Signal(int signal) => Root.Signal(signal);

    /// <summary>Passes on a signal that was sent to this process, unless it was sent to the program as well. May be
    /// called by any thread.</summary>
    /// <returns>False when the program did not get it: it has not begun or has ended.</returns>
    public bool Relay(int signal) => Root.Relay(signal);

    /// <summary>The machine loses power as soon as its thread is between two events, and has it again: the EPC is empty, and
    /// every enclave gone. May be called by any thread.</summary>
    /// <param name="by">What asks for it, for those who watch.</param>
    public void LosePower(string by)
    {
        PowerLoss.Request(by);
        _ = Urge(() => PowerLoss.IsRequested);
    }

    /// <summary>Looks at the machine, as soon as its thread is between two events. May be called by any thread.</summary>
    /// <param name="question">What to look at; called by the tracer's thread, which does nothing else meanwhile.</param>
    /// <param name="cancellation">Takes the question back.</param>
    /// <returns>The answer; cancelled where the run ends first, or too many ask.</returns>
    public Task<T> Ask<T>(Func<MachineView, T> question, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(question);
        Task<T> answer = Questions.Ask(() => question(new MachineView(this)), cancellation);
        _ = Urge(() => !answer.IsCompleted);
        return answer;
    }

    /// <summary>Looks at the machine when the run has ended. To be called by the thread that ran it.</summary>
    public T LookAfter<T>(Func<MachineView, T> question)
    {
        ArgumentNullException.ThrowIfNull(question);
        return question(new MachineView(this));
    }

    /// <summary>The program stands for a debugger before anything of it runs, and whenever that asks for it. Call before it runs.</summary>
    /// <param name="stopped">Hears, on the tracer's thread, why it stands; what is done then is asked for by <see cref="Ask"/>.</param>
    public void DebugFromBegin(Action<DebugStop> stopped) => Debugger.AttachFirst(stopped);

    /// <inheritdoc/>
    public void ForceExits(EpcPage secs) => _forcedExits.ForceExits(secs);

    /// <inheritdoc/>
    public void Dispose()
    {
        Untraced?.Dispose();
        Platform.Dispose();
        if (!_broken)
        {
            Files.Dispose();
            (Driver as IDisposable)?.Dispose();
        }

        Epc.Dispose();
    }

    private async Task LosePowerAfter(double seconds)
    {
        await Task.Delay(TimeSpan.FromSeconds(seconds)).ConfigureAwait(false);
        if (!Questions.AreOver)
        {
            LosePower(string.Create(CultureInfo.InvariantCulture, $"--power-loss {PowerLossPlan.Time}{seconds}"));
        }
    }

    private async Task CarryAfter(InjectedFailure order)
    {
        await Task.Delay(TimeSpan.FromSeconds(order.Seconds)).ConfigureAwait(false);
        bool isDone = false;
        while (!isDone && !Questions.AreOver)
        {
            try
            {
                isDone = await Ask(_ => Carry(order), CancellationToken.None).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Too many ask at once, or the run has ended.
                await Task.Delay(1).ConfigureAwait(false);
            }
        }
    }

    // Between two events, with nobody in particular who runs on: those who do must find what was done.
    internal bool Carry(InjectedFailure order)
    {
        Observer.Working(null);
        Accepts.Withdraw();
        Driver.Orders?.Carry(order);
        Changes.Settle(null);
        return true;
    }

    // A wait that only begins does not hear of it.
    private async Task Urge(Func<bool> isPending)
    {
        const int milliseconds = 10;
        while (isPending() && !Questions.AreOver)
        {
            Platform.Wake();
            await Task.Delay(milliseconds).ConfigureAwait(false);
        }
    }

    /// <summary>Says that a program is about to join: the machine stays until it has, or <paramref name="arrival"/> is at its end.
    /// May be called by any thread.</summary>
    /// <param name="arrival">Brings the process that is to become it, and the program; null where none comes.</param>
    /// <returns>Whether it runs on the machine now; false where the machine has ended, or nobody came.</returns>
    /// <exception cref="LinuxException">What comes cannot become a program of the machine.</exception>
    public async Task<bool> Join(Func<Task<(IStartingProgram Waiting, ProgramInvocation Program)?>> arrival)
    {
        ArgumentNullException.ThrowIfNull(arrival);
        if (!Guests.Expect())
        {
            return false;
        }

        try
        {
            if (await arrival().ConfigureAwait(false) is not { } guest)
            {
                return false;
            }

            return await Ask(
                _ =>
                {
                    Begin(guest.Waiting, guest.Program);
                    return true;
                },
                CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            Guests.Forget();
        }
    }

    // Null when there is no tracer any more.
    private Task? Ask(Action what) => Questions.AreOver ? null : Ask(
        _ =>
        {
            what();
            return true;
        },
        CancellationToken.None);

    private int BeginRoot(ProgramInvocation program)
    {
        (int Process, IHeldThread? Held)? begun = Untraced?.Begin(program);
        IHeldThread? first = begun is { } untraced ? untraced.Held : Platform.Begin(program, BaseFilter, null, Processes.New);
        return first is null ? begun!.Value.Process : Processes.Add(first, (TracedProcess)first.Process).Process.Id;
    }

    private void Begin(IStartingProgram waiting, ProgramInvocation program)
    {
        TracedProcess? process = null;
        try
        {
            IHeldThread held = Platform.Begin(program, BaseFilter, waiting, id => process = Processes.New(id));
            _ = Processes.Add(held, process!);
        }
        catch
        {
            if (process is not null)
            {
                Processes.Leave(process.Space);
            }

            throw;
        }
    }

    private byte[] BaseFilter => SystemCallTable.FilterOf(FilterSet.Base, Replacer.IsAsked ? FilterSet.MappedFiles : null);

    private AddressSpace NewSpace(int process) => new(Machine, process, Fast);

    // A driver that is C cannot be left half way where a thread ends meanwhile: who is still inside is driven out then.
    private sealed class Survivor(Tracer tracer) : ISurvivor
    {
        public void Do(Action action) => tracer.Guard.Run(action);

        public void ForceExits(EpcPage secs)
        {
            while (tracer.Guard.Run(() => tracer._forcedExits.ForceExits(secs)) != 0)
            {
            }
        }
    }

    internal void Notice(string text)
    {
        if (_notices.Add(text))
        {
            OnNotice?.Invoke(text);
        }
    }
}
