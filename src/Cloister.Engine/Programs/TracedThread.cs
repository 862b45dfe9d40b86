using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Linux;
using Cloister.Processor;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Cloister.Engine.Programs;

/// <summary>One thread of the traced program while it is stopped: its registers, and the logical processor it is in the model.</summary>
internal sealed class TracedThread(int id, TracedProcess process, Waits? waits = null) : IExtendedState, IObservedThread
{
    private const int HeaderOffset = 512, XsaveMinimum = 576;
    private readonly Waits _waits = waits ?? new Waits();
    private UserRegisters _registers;
    private UserRegisters? _registersAtStop;
    private SignalInformation? _signal;
    private bool _loaded;
    private byte[] _extended = [];
    private byte[] _extendedAtStop = [];
    private int _extendedLength = -1;
    private bool _extendedChanged;
    private ulong _dispatch; // selector of its system calls
    private int _breakpoints; // the version that it has
    private ulong _initialized; // components; 0 when anything else was done to the extended state

    /// <summary>Thread id.</summary>
    public int Id { get; } = id;

    /// <summary>Its process.</summary>
    public TracedProcess Process { get; set; } = process;

    int IObservedThread.ProcessId => Process.Id;

    ulong IObservedThread.Rip => Observed().Rip;

    ulong IObservedThread.Rsp => Observed().Rsp;

    bool IObservedThread.TryRead(ulong address, Span<byte> buffer) => Space.Memory.TryRead(address, buffer);

    /// <summary>Its memory.</summary>
    public AddressSpace Space => Process.Space;

    /// <summary>The model's side.</summary>
    public LogicalProcessor Processor { get; } = new();

    /// <summary>Stopped for the tracer now.</summary>
    public bool Stopped
    {
        get;
        set
        {
            field = value;
            Interrupted &= !value;
        }
    } = true;

    /// <summary>It was told to stop and no stop was seen since.</summary>
    public bool Interrupted { get; set; }

    /// <summary>Stopped, and what for is parked and was not answered yet.</summary>
    public bool HasParkedStop { get; set; }

    /// <summary>The registers must be written before it runs on.</summary>
    public bool Changed { get; private set; }

    /// <summary>At a stop at which a signal can be delivered.</summary>
    public int SignalAtStop { get; set; }

    /// <summary>Calls were made in it since its stop: what stopped it is no longer there to be asked for, nor can a signal be delivered.</summary>
    public bool StopIsSpent { get; set; }

    /// <summary>At the entry of a system call that was not made yet.</summary>
    public bool AtSystemCall { get; set; }

    /// <summary>In seccomp's strict mode.</summary>
    public bool IsStrict { get; set; }

    /// <summary>Signals taken off at a moment when they could not be delivered.</summary>
    public Queue<(int Signal, SignalInformation Information)> Deferred { get; } = [];

    /// <summary>Stops since <see cref="WindowStart"/>, or since the last look when pinned.</summary>
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1051", Justification = "Exchanged atomically.")]
    public int RecentStops;

    /// <summary>When the counting began, in milliseconds of the system's tick count.</summary>
    public long WindowStart { get; set; }

    /// <summary>On the tracer's core for now.</summary>
    public bool Pinned { get; set; }

    /// <summary>In vfork, waiting for the child; an interrupt would not stop it.</summary>
    public bool AwaitsVfork { get; set; }

    /// <summary>Its slot in the fast path's tables; -1 when it has none.</summary>
    public int FastSlot { get; set; } = -1;

    /// <summary>Fast entries it had made when the model last followed it.</summary>
    public ulong FastCount { get; set; }

    /// <summary>Fast ERESUMEs it had made when the model last followed them.</summary>
    public ulong FastResumes { get; set; }

    /// <summary>The first thread of a process that fork made; its mappings are not watched yet.</summary>
    public bool IsNewFork { get; set; }

    /// <summary>A new thread, or the child of a vfork, that has not run yet.</summary>
    public bool IsNewSharer { get; set; }

    /// <summary>The parent's fast path, of a child of fork that has not run yet.</summary>
    public FastPath? ForkedFrom { get; set; }

    /// <summary>The slot of the thread that forked.</summary>
    public int ForkedSlot { get; set; } = -1;

    /// <summary>The stop came in the middle of a stub and the thread was put before or behind it; known until it runs on.</summary>
    public bool LeftStub { get; set; }

    /// <summary>The signals of exceptions at which it stopped since it ran; bit n-1 is signal n.</summary>
    public ulong Forced { get; set; }

    /// <summary>The illegal instruction that it executed last, which its enclave may be looking at.</summary>
    public IllegalSite? Illegal { get; set; }

    /// <summary>The signals that it blocks, where that is known; bit n-1 is signal n.</summary>
    public ulong? Mask { get; set; }

    /// <summary>The row of pages that it accepts.</summary>
    public PagesAhead Ahead { get; set; }

    /// <summary>A signal that was sent only to stop the thread where a signal can be delivered, and what it shall become.</summary>
    public ProgramSignal? Raising { get; set; }

    /// <summary>The signals that it stopped at and has not got yet.</summary>
    public SpentSignals Spent { get; } = new();

    /// <summary>The stop signal that it is about to get: a call of ours delivers it, if one is made before.</summary>
    public int StopsBy { get; set; }

    /// <summary>What to do at the end of the system call that it is in.</summary>
    public Action<TracedThread>? AtSystemCallExit { get; set; }

    /// <summary>Page faults in a row that were resolved without the thread getting on; a guard against a loop of our own.</summary>
    public int Retries { get; set; }

    /// <summary>RIP and address for which <see cref="Retries"/> were counted.</summary>
    public (ulong Rip, ulong Address) RetryPlace { get; set; }

    /// <summary>The driver answered SIGBUS to the last fault.</summary>
    public bool SigbusFault { get; set; }

    /// <summary>The registers; reading them loads them once per stop.</summary>
    public ref UserRegisters Registers
    {
        get
        {
            Load();
            Changed = true;
            return ref _registers;
        }
    }

    /// <summary>The registers for reading only.</summary>
    public ref readonly UserRegisters Peek()
    {
        Load();
        return ref _registers;
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

    /// <summary>Gives it registers after it ran with others for a moment.</summary>
    public void Restore(in UserRegisters registers)
    {
        Registers = registers;
        _registersAtStop = null;
    }

    /// <summary>Waits for its next stop or its end.</summary>
    /// <returns>Its id, or minus an errno; also when it is dead and its end will be told later.</returns>
    public int Wait(out WaitStatus status) => _waits.For(this, out status);

    /// <summary>Waits for the stop that it was interrupted for, unless it waits in the kernel and will stop later: then 0.</summary>
    public int WaitInterrupted(out WaitStatus status) => _waits.ForInterrupted(this, out status);

    /// <summary>The signal at which it is stopped.</summary>
    public Errno GetSignal(out SignalInformation information)
    {
        if (_signal is not { } kept)
        {
            return Ptrace.GetSignal(Id, out information);
        }

        information = kept;
        return Errno.None;
    }

    /// <summary>Makes the signal at which it is stopped another of its number.</summary>
    public void SetSignal(in SignalInformation information)
    {
        // Also where calls of ours have ended that stop: what is sent once more is what was kept.
        _signal = information;
        _ = Ptrace.SetSignal(Id, in information);
    }

    /// <summary>Keeps what its stop says of the signal: calls may be made in it before the stop is answered, and then another stop speaks.</summary>
    public void KeepSignal(WaitStatus status)
    {
        if (_signal is null && status.Event == PtraceEvent.None && Ptrace.GetSignal(Id, out SignalInformation information) == Errno.None)
        {
            _signal = information;
        }
    }

    /// <summary>Exec has ended the dispatch of its system calls.</summary>
    public void ForgetDispatch() => _dispatch = 0;

    /// <summary>Whether an x87 exception is pending: FSW.ES. SDM 1, "x87 FPU Status Register".</summary>
    public bool HasX87Exception => (LoadExtended()[2] & 0x80) != 0;

    /// <summary>Whether it stopped at the signal of an exception.</summary>
    public bool StoppedAt(int signal) => (Forced & (1UL << (signal - 1))) != 0;

    /// <summary>Gives it the breakpoints of its address space. False when the kernel has none to give; then nobody has any.</summary>
    public bool WriteBreakpoints()
    {
        Breakpoints breakpoints = Space.Breakpoints;
        if (_breakpoints == breakpoints.Version)
        {
            return true;
        }

        _breakpoints = breakpoints.Version;
        if (breakpoints.Write(Id) is Errno.None or Errno.ESRCH)
        {
            return true;
        }

        breakpoints.Refuse();
        return false;
    }

    /// <summary>Forgets the loaded registers: it has run.</summary>
    public void NoteRan()
    {
        _loaded = false;
        Changed = false;
        Stopped = false;
        SignalAtStop = 0;
        AtSystemCall = false;
        StopIsSpent = false;
        _signal = null;
        LeftStub = false;
    }

    /// <summary>Writes changed registers.</summary>
    public Errno Store()
    {
        StoreExtended();
        _dispatch = CallsInside.Update(this, _dispatch);
        _ = WriteBreakpoints();
        if (Space.Breakpoints.Sites.Count > 0 && (Peek().Rflags & Cloister.Processor.Registers.ResumeFlag) != 0 && Space.Breakpoints.Contains(Peek().Rip))
        {
            // A fault leaves RF set, which lets the instruction pass once: a page fault of its own bytes does as well. SDM 3B, "Instruction-Breakpoint Exception Condition".
            Registers.Rflags &= ~Cloister.Processor.Registers.ResumeFlag;
        }

        if (!Changed)
        {
            return Errno.None;
        }

        // An asynchronous exit and the resumption right after it leave all as it was.
        Changed = false;
        if (_registersAtStop is { } atStop && Bytes(in _registers).SequenceEqual(Bytes(in atStop)))
        {
            return Errno.None;
        }

        _registersAtStop = _registers;
        return Ptrace.SetRegisters(Id, in _registers);
    }

    /// <summary>Takes the registers into the model.</summary>
    public void ToModel()
    {
        Load();
        ref UserRegisters u = ref _registers;
        Registers m = Processor.Registers;
        (m.Rax, m.Rbx, m.Rcx, m.Rdx, m.Rsi, m.Rdi, m.Rbp, m.Rsp) = (u.Rax, u.Rbx, u.Rcx, u.Rdx, u.Rsi, u.Rdi, u.Rbp, u.Rsp);
        (m.R8, m.R9, m.R10, m.R11, m.R12, m.R13, m.R14, m.R15) = (u.R8, u.R9, u.R10, u.R11, u.R12, u.R13, u.R14, u.R15);
        (m.Rip, m.Rflags, m.FsBase, m.GsBase) = (u.Rip, u.Rflags, u.FsBase, u.GsBase);
    }

    /// <summary>Takes the model's registers to the thread.</summary>
    public void FromModel()
    {
        Load();
        ref UserRegisters u = ref _registers;
        Registers m = Processor.Registers;
        (u.Rax, u.Rbx, u.Rcx, u.Rdx, u.Rsi, u.Rdi, u.Rbp, u.Rsp) = (m.Rax, m.Rbx, m.Rcx, m.Rdx, m.Rsi, m.Rdi, m.Rbp, m.Rsp);
        (u.R8, u.R9, u.R10, u.R11, u.R12, u.R13, u.R14, u.R15) = (m.R8, m.R9, m.R10, m.R11, m.R12, m.R13, m.R14, m.R15);
        (u.Rip, u.Rflags, u.FsBase, u.GsBase) = (m.Rip, m.Rflags, m.FsBase, m.GsBase);
        u.OrigRax = ulong.MaxValue;
        Changed = true;
    }

    /// <inheritdoc/>
    public void Save(Span<byte> xsaveArea, ulong xfrm)
    {
        Span<byte> state = LoadExtended();
        int length = Math.Min(state.Length, xsaveArea.Length);
        state[..length].CopyTo(xsaveArea);

        // The kernel keeps XCR0 in the software-reserved bytes; the processor leaves them alone. SDM 1, "XSAVE-Managed State".
        xsaveArea[464..HeaderOffset].Clear();
        ulong present = BinaryPrimitives.ReadUInt64LittleEndian(state[HeaderOffset..]) & xfrm;
        xsaveArea[HeaderOffset..XsaveMinimum].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(xsaveArea[HeaderOffset..], present);
    }

    /// <inheritdoc/>
    public void Initialize(ulong xfrm)
    {
        Span<byte> state = LoadExtended();
        _initialized = _extendedChanged ? 0 : xfrm;
        ulong present = BinaryPrimitives.ReadUInt64LittleEndian(state[HeaderOffset..]);
        BinaryPrimitives.WriteUInt64LittleEndian(state[HeaderOffset..], present & ~xfrm);
        if ((xfrm & 3) != 0)
        {
            // FCW and MXCSR as FINIT and RESET leave them. SDM 3D, "Synthetic State".
            BinaryPrimitives.WriteUInt16LittleEndian(state, 0x37f);
            BinaryPrimitives.WriteUInt32LittleEndian(state[24..], 0x1f80);
        }

        _extendedChanged = true;
    }

    /// <summary>The components that were put into their initial configuration, if nothing else was done to the extended state: the program will do it.</summary>
    /// <remarks>A system call that writes the extended state costs as much as all the others of a stop together.</remarks>
    public ulong TakeInitialization()
    {
        bool changes = _extendedChanged && !_extended.AsSpan(0, _extendedLength).SequenceEqual(_extendedAtStop.AsSpan(0, _extendedLength));
        if (!changes || _initialized == 0)
        {
            return 0;
        }

        (_extendedChanged, _extendedLength) = (false, -1);
        return _initialized;
    }

    /// <inheritdoc/>
    public bool Restore(ReadOnlySpan<byte> xsaveArea, ulong xfrm)
    {
        Span<byte> state = LoadExtended();
        ulong saved = BinaryPrimitives.ReadUInt64LittleEndian(xsaveArea[HeaderOffset..]);
        uint mxcsr = BinaryPrimitives.ReadUInt32LittleEndian(xsaveArea[24..]);

        // XRSTOR raises #GP for a component that is not enabled, a non-zero reserved header byte or a reserved MXCSR bit. SDM 1, 13.8.
        if ((saved & ~xfrm) != 0 || xsaveArea.Slice(HeaderOffset + 8, 56).ContainsAnyExcept((byte)0) || (mxcsr & 0xffff0000) != 0)
        {
            return false;
        }

        Span<byte> keep = stackalloc byte[48];
        state[464..HeaderOffset].CopyTo(keep);
        ulong others = BinaryPrimitives.ReadUInt64LittleEndian(state[HeaderOffset..]) & ~xfrm;
        int length = Math.Min(state.Length, xsaveArea.Length);
        xsaveArea[..length].CopyTo(state);
        keep.CopyTo(state[464..]);
        _initialized = 0;
        BinaryPrimitives.WriteUInt64LittleEndian(state[HeaderOffset..], saved | others);
        _extendedChanged = true;
        return true;
    }

    // Read once per stop, and written back before the thread runs if anything is different then: an asynchronous exit and the
    // resumption right after it leave all as it was.
    private Span<byte> LoadExtended()
    {
        if (_extendedLength < 0)
        {
            if (_extended.Length == 0)
            {
                (_extended, _extendedAtStop) = (new byte[16384], new byte[16384]);
            }

            if (Ptrace.GetExtendedState(Id, _extended, out _extendedLength) != Errno.None)
            {
                _extendedLength = XsaveMinimum;
            }

            _extended.AsSpan(0, _extendedLength).CopyTo(_extendedAtStop);
        }

        return _extended.AsSpan(0, _extendedLength);
    }

    private void StoreExtended()
    {
        Span<byte> state = _extended.AsSpan(0, Math.Max(0, _extendedLength));
        if (_extendedChanged && !state.SequenceEqual(_extendedAtStop.AsSpan(0, state.Length)))
        {
            _ = Ptrace.SetExtendedState(Id, state);
        }

        _extendedChanged = false;
        _extendedLength = -1;
    }

    private static ReadOnlySpan<byte> Bytes(in UserRegisters registers) => MemoryMarshal.AsBytes(new ReadOnlySpan<UserRegisters>(in registers));

    private void Load()
    {
        if (!_loaded)
        {
            _ = Ptrace.GetRegisters(Id, out _registers);
            _registersAtStop = _registers;
            _loaded = true;
        }
    }
}
