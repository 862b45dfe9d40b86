using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Platforms;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Programs;

/// <summary>One thread of the program: what its platform holds, and the logical processor it is in the model.</summary>
/// <param name="held">The thread as its platform has it.</param>
/// <param name="process">Its process.</param>
internal sealed class TracedThread(IHeldThread held, TracedProcess process) : IHeldThread, IObservedThread
{
    /// <summary>The thread as its platform has it.</summary>
    public IHeldThread Held { get; } = held;

    /// <summary>Its process.</summary>
    public TracedProcess Process { get; set; } = process;

    /// <inheritdoc/>
    HeldProcess IHeldThread.Process => Process;

    int IObservedThread.ProcessId => Process.Id;

    ulong IObservedThread.Rip => Observed().Rip;

    ulong IObservedThread.Rsp => Observed().Rsp;

    ulong IObservedThread.Rbp => Observed().Rbp;

    ObservedPage IObservedThread.PageAt(ulong address)
    {
        EnclaveMapping? mapping = Space.Mappings.Find(address);
        PageTableEntry entry = Space.Pages.Peek(address);
        return new ObservedPage(mapping is not null, mapping?.Protection ?? 0, mapping is not null && entry.Present, entry.Page);
    }

    bool IObservedThread.TryRead(ulong address, Span<byte> buffer) => Space.Memory.TryRead(address, buffer);

    /// <summary>Its memory.</summary>
    public AddressSpace Space => Process.Space;

    /// <summary>The model's side.</summary>
    public LogicalProcessor Processor { get; } = new();

    /// <summary>In seccomp's strict mode.</summary>
    public bool IsStrict { get; set; }

    /// <summary>The first thread of a process that fork made; its mappings are not watched yet.</summary>
    public bool IsNewFork { get; set; }

    /// <summary>A new thread, or the child of a vfork, that has not run yet.</summary>
    public bool IsNewSharer { get; set; }

    /// <summary>It goes instruction by instruction while it is inside.</summary>
    public bool StepsInside { get; set; }

    /// <summary>It was told to execute one instruction when it ran last.</summary>
    public bool IsStepping { get; private set; }

    /// <summary>RIP, RSP and whether the program itself had RFLAGS.TF set before that.</summary>
    public (ulong Rip, ulong Rsp, bool HasTrapFlag) StepFrom { get; private set; }

    /// <inheritdoc/>
    public int Id => Held.Id;

    /// <inheritdoc/>
    public bool Stopped => Held.Stopped;

    /// <inheritdoc/>
    public bool HasParkedStop
    {
        get => Held.HasParkedStop;
        set => Held.HasParkedStop = value;
    }

    /// <inheritdoc/>
    public bool AtSystemCall => Held.AtSystemCall;

    /// <inheritdoc/>
    public bool AwaitsVfork => Held.AwaitsVfork;

    /// <inheritdoc/>
    public bool WasMoved
    {
        get => Held.WasMoved;
        set => Held.WasMoved = value;
    }

    /// <summary>Its debugger wants it to stand again behind one instruction. Known until it runs on.</summary>
    public bool StepsNext { get; set; }

    /// <summary>It stands where an asynchronous exit has put it, and has executed nothing since.</summary>
    public bool JustExited { get; set; }

    /// <inheritdoc/>
    public bool HasX87Exception => Held.HasX87Exception;

    /// <inheritdoc/>
    public ref UserRegisters Registers => ref Held.Registers;

    /// <inheritdoc/>
    public ref readonly UserRegisters Peek() => ref Held.Peek();

    /// <inheritdoc/>
    public Errno GetSignal(out SignalInformation information) => Held.GetSignal(out information);

    /// <inheritdoc/>
    public ulong TakeInitialization() => Held.TakeInitialization();

    /// <inheritdoc/>
    public long[] Make(RemoteCalls calls) => Held.Make(calls);

    /// <inheritdoc/>
    public void Save(Span<byte> xsaveArea, ulong xfrm) => Held.Save(xsaveArea, xfrm);

    /// <inheritdoc/>
    public void Initialize(ulong xfrm) => Held.Initialize(xfrm);

    /// <inheritdoc/>
    public bool Restore(ReadOnlySpan<byte> xsaveArea, ulong xfrm) => Held.Restore(xsaveArea, xfrm);

    /// <summary>It is about to execute one instruction.</summary>
    public void NoteStep()
    {
        ref readonly UserRegisters r = ref Peek();
        (IsStepping, StepFrom) = (true, (r.Rip, r.Rsp, (r.Rflags & Cloister.Processor.Registers.TrapFlag) != 0));
    }

    /// <summary>It is about to run: with a signal outside an enclave, or on.</summary>
    public void NoteRun(int signal)
    {
        if (StepsInside && Processor.EnclaveMode && signal == 0)
        {
            NoteStep();
        }
        else
        {
            IsStepping = false;
        }
    }

    /// <summary>Takes the registers into the model.</summary>
    public void ToModel()
    {
        ref readonly UserRegisters u = ref Peek();
        Registers m = Processor.Registers;
        (m.Rax, m.Rbx, m.Rcx, m.Rdx, m.Rsi, m.Rdi, m.Rbp, m.Rsp) = (u.Rax, u.Rbx, u.Rcx, u.Rdx, u.Rsi, u.Rdi, u.Rbp, u.Rsp);
        (m.R8, m.R9, m.R10, m.R11, m.R12, m.R13, m.R14, m.R15) = (u.R8, u.R9, u.R10, u.R11, u.R12, u.R13, u.R14, u.R15);
        (m.Rip, m.Rflags, m.FsBase, m.GsBase) = (u.Rip, u.Rflags, u.FsBase, u.GsBase);
    }

    /// <summary>Takes the model's registers to the thread.</summary>
    public void FromModel()
    {
        ref UserRegisters u = ref Registers;
        Registers m = Processor.Registers;
        (u.Rax, u.Rbx, u.Rcx, u.Rdx, u.Rsi, u.Rdi, u.Rbp, u.Rsp) = (m.Rax, m.Rbx, m.Rcx, m.Rdx, m.Rsi, m.Rdi, m.Rbp, m.Rsp);
        (u.R8, u.R9, u.R10, u.R11, u.R12, u.R13, u.R14, u.R15) = (m.R8, m.R9, m.R10, m.R11, m.R12, m.R13, m.R14, m.R15);
        (u.Rip, u.Rflags, u.FsBase, u.GsBase) = (m.Rip, m.Rflags, m.FsBase, m.GsBase);
        u.OrigRax = ulong.MaxValue;
    }

    // Killed since: an observer is told later.
    private UserRegisters Observed()
    {
        try
        {
            return Stopped ? Peek() : default;
        }
        catch (ThreadEndedException)
        {
            return default;
        }
    }
}
