using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>A thread that is traced: its registers, and what of its signals is not over yet.</summary>
internal sealed class PtraceThread(int id, HeldProcess process, Waits waits, byte[] maskFilter) : IHeldThread
{
    private const int HeaderOffset = 512, XsaveMinimum = 576;
    private const ulong ResumeFlag = 1 << 16;
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
    public HeldProcess Process { get; } = process;

    /// <summary>Its end is parked: who has its number now is another, and must not be asked, changed or resumed for it.</summary>
    public bool HasEnded => waits.HasEnded(Id);

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

    /// <summary>Calls were made in it since its stop: what stopped it is no longer there to be asked for, nor can a
    /// signal be delivered.</summary>
    public bool StopIsSpent { get; set; }

    /// <summary>At the kernel's SIGSEGV for a handler whose frame has no place: no instruction raised it.</summary>
    public bool HandlerHasNoRoom { get; set; }

    /// <summary>At the entry of a system call that was not made yet.</summary>
    public bool AtSystemCall { get; set; }

    /// <summary>Signals taken off at a moment when they could not be delivered.</summary>
    public Queue<(int Signal, SignalInformation Information)> Deferred { get; } = [];

    /// <summary>Where a SYSCALL instruction stands behind which it stands: calls can be made there while nothing of Cloister's is in its
    /// memory.</summary>
    public ulong? Instruction { get; set; }

    /// <summary>The number of the call at which it stands, where its filter will ask of that once more when it is made.</summary>
    public long? AsksFor { get; set; }

    /// <summary>In vfork, waiting for the child; an interrupt would not stop it.</summary>
    public bool AwaitsVfork { get; set; }

    /// <summary>It was put elsewhere since it stopped: what stopped it is not about where it stands. Known until it runs on.</summary>
    public bool WasMoved { get; set; }

    /// <summary>The seccomp filter of what changes its signal mask.</summary>
    public byte[] MaskFilter { get; } = maskFilter;

    /// <summary>Where a byte says whether it may make system calls: 0 for always, <see cref="CallsInside.Always"/> for never.</summary>
    public Func<ulong> CallsRefusedBy { get; set; } = () => 0;

    /// <summary>The signals of exceptions at which it stopped since it ran; bit n-1 is signal n.</summary>
    public ulong Forced { get; set; }

    /// <summary>The signals that it blocks, where that is known; bit n-1 is signal n.</summary>
    public ulong? Mask { get; set; }

    /// <summary>That is known while it is stepped, and not longer.</summary>
    public bool MaskIsOfSteps { get; set; }

    /// <summary>A signal that was sent only to stop the thread where a signal can be delivered, and what it shall become.</summary>
    public ProgramSignal? Raising { get; set; }

    /// <summary>The signals that it stopped at and has not got yet.</summary>
    public SpentSignals Spent { get; } = new();

    /// <summary>The stop signal that it is about to get: a call of ours delivers it, if one is made before.</summary>
    public int StopsBy { get; set; }

    /// <summary>The signal that it is about to get, as it was when that was decided.</summary>
    public SignalInformation ToDeliver { get; set; }

    /// <summary>Its process stands, and it went on to what it has to tell before.</summary>
    public bool StandsAgain { get; set; }

    /// <summary>It stands in the middle of a system call that has made a child.</summary>
    public bool IsMakingChild { get; set; }

    /// <summary>Whether that signal stops its process.</summary>
    public bool StopsProcess { get; set; }

    /// <summary>What to do at the end of the system call that it is in.</summary>
    public Action? AtSystemCallExit { get; set; }

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

    /// <summary>Gives it registers after it ran with others for a moment.</summary>
    public void Restore(in UserRegisters registers)
    {
        Registers = registers;
        _registersAtStop = null;
    }

    /// <summary>Waits for its next stop or its end.</summary>
    /// <returns>Its id, or minus an errno; also when it is dead and its end will be told later.</returns>
    public int Wait(out WaitStatus status) => waits.For(this, out status);

    /// <summary>Waits for the stop that it was interrupted for, unless it waits in the kernel and will stop later: then 0.</summary>
    public int WaitInterrupted(out WaitStatus status) => waits.ForInterrupted(this, out status);

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

    /// <summary>Keeps what its stop says of the signal: calls may be made in it before the stop is answered, and then
    /// another stop speaks.</summary>
    public void KeepSignal(in ProgramEvent happened)
    {
        if (_signal is null && happened.Kind == EventKind.Signal && Ptrace.GetSignal(Id, out SignalInformation information) == Errno.None)
        {
            _signal = information;
        }
    }

    /// <inheritdoc/>
    public long[] Make(RemoteCalls calls) => HasEnded ? throw new ThreadEndedException(Id) : GadgetCalls.Make(this, calls);

    /// <summary>Exec has ended the dispatch of its system calls.</summary>
    public void ForgetDispatch() => _dispatch = 0;

    /// <summary>Takes a signal off at a moment when it cannot be delivered.</summary>
    public void Defer(in SignalInformation information) => Deferred.Enqueue((information.Signal, information));

    /// <summary>Whether an x87 exception is pending: FSW.ES. SDM 1, "x87 FPU Status Register".</summary>
    public bool HasX87Exception => (LoadExtended()[2] & 0x80) != 0;

    /// <summary>Whether it stopped at the signal of an exception.</summary>
    public bool StoppedAt(int signal) => (Forced & (1UL << (signal - 1))) != 0;

    /// <summary>Gives it the breakpoints of its memory. False when the kernel has none to give; then nobody has any.</summary>
    public bool WriteBreakpoints()
    {
        if (Process.Memory.Breakpoints is not { } breakpoints || _breakpoints == breakpoints.Version)
        {
            return true;
        }

        _breakpoints = breakpoints.Version;
        if (DebugRegisters.Write(Id, breakpoints.Addresses) is Errno.None or Errno.ESRCH)
        {
            return true;
        }

        breakpoints.Refuse();
        return false;
    }

    /// <summary>Lets it run on, to the end of its system call where somebody waits for that.</summary>
    public void Continue(int signal) =>
        _ = AtSystemCallExit is not null ? Ptrace.ContinueToSyscall(Id, signal) : Ptrace.Continue(Id, signal);

    /// <summary>Forgets the loaded registers: it has run.</summary>
    public void NoteRan()
    {
        _loaded = false;
        Changed = false;
        Stopped = false;
        SignalAtStop = 0;
        AtSystemCall = false;
        StopIsSpent = false;
        HandlerHasNoRoom = false;
        _signal = null;
        WasMoved = false;
        IsMakingChild = false;
    }

    /// <summary>Writes changed registers.</summary>
    public Errno Store()
    {
        StoreExtended();
        _dispatch = CallsInside.Update(this, CallsRefusedBy(), _dispatch);
        _ = WriteBreakpoints();
        if ((Peek().Rflags & ResumeFlag) != 0 && Process.Memory.Breakpoints?.Contains(Peek().Rip) == true)
        {
            // A fault leaves RF set, which lets the instruction pass once: a page fault of its own bytes does as well. SDM 3B,
            // "Instruction-Breakpoint Exception Condition".
            Registers.Rflags &= ~ResumeFlag;
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

    /// <summary>The components that were put into their initial configuration, if nothing else was done to the
    /// extended state: the program will do it.</summary>
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

            if (HasEnded || Ptrace.GetExtendedState(Id, _extended, out _extendedLength) != Errno.None)
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

    private static ReadOnlySpan<byte> Bytes(in UserRegisters registers) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<UserRegisters>(in registers));

    private void Load()
    {
        if (!_loaded)
        {
            if (!HasEnded)
            {
                _ = Ptrace.GetRegisters(Id, out _registers);
            }

            _registersAtStop = _registers;
            _loaded = true;
        }
    }
}
