using Cloister.Architecture;
using Cloister.Linux;

namespace Cloister.Host;

/// <summary>A TCS: one logical processor at a time can be inside on it.</summary>
public sealed class EnclaveThread
{
    // Room for a signal handler that comes while the thread is inside.
    private const int StackBytes = 256 * 1024;
    private readonly LoadedEnclave _enclave;
    private readonly Action<EnclaveThread> _readmit;
    private const int Free = 0, Entered = 1, Closed = 2;
    private readonly PageBuffer _stack = PageBuffer.Allocate(StackBytes);
    private readonly Stack<CallWindow> _windows = [];
    private int _state;
    private volatile bool _closing;

    internal EnclaveThread(LoadedEnclave enclave, ulong offset, Action<EnclaveThread> readmit)
    {
        _enclave = enclave;
        _readmit = readmit;
        Offset = offset;
    }

    /// <summary>Where the TCS is: bytes from the enclave's beginning.</summary>
    public ulong Offset { get; }

    /// <summary>Where the TCS is.</summary>
    public LinearAddress Address => _enclave.BaseAddress + Offset;

    /// <summary>
    /// Frames of the state save area that hold an exception nothing has resumed: CSSA, as far as entries by this object go. SDM 3D, "TCS".
    /// </summary>
    public int FramesInUse { get; private set; }

    /// <summary>
    /// Why <see cref="Enclave.Call(ulong, ReadOnlySpan{byte}, Span{byte}, EnclaveCallOptions?)"/> does not take it any more: EENTER was
    /// refused, a call was cancelled, or one ended in an ocall. Null when it does. It is taken again once <see cref="Resume()"/> has
    /// brought a call to its EEXIT.
    /// </summary>
    public string? Abandoned { get; private set; }

    /// <summary>Entries that went in.</summary>
    internal ulong Crossings { get; private set; }

    /// <summary>EENTER. Returns when the enclave has left, by itself or by an exception.</summary>
    /// <remarks>
    /// After an exception the thread can be entered again if it has another state save area frame; RAX then tells the enclave how many are
    /// in use.
    /// </remarks>
    /// <param name="registers">What the enclave finds in the registers.</param>
    /// <exception cref="EnclaveException">EENTER itself was refused: the TCS is busy, has no free frame, or is none.</exception>
    /// <exception cref="EnclaveLostException">The enclave is lost to a power transition.</exception>
    /// <exception cref="ObjectDisposedException">The enclave has been disposed.</exception>
    public EnclaveExit Enter(EnclaveRegisters registers = default) => Run(EncluLeaf.Eenter, registers, CancellationToken.None);

    /// <summary>ERESUME: goes on where the last exception was.</summary>
    /// <exception cref="EnclaveException">ERESUME itself was refused: there is nothing to resume, or the TCS is busy.</exception>
    /// <exception cref="EnclaveLostException">The enclave is lost to a power transition.</exception>
    /// <exception cref="ObjectDisposedException">The enclave has been disposed.</exception>
    public EnclaveExit Resume() => Resume(CancellationToken.None);

    internal EnclaveExit Enter(EnclaveRegisters registers, CancellationToken cancellation) =>
        Run(EncluLeaf.Eenter, registers, cancellation);

    internal EnclaveExit Resume(CancellationToken cancellation)
    {
        EnclaveExit exit = Run(EncluLeaf.Eresume, default, cancellation);
        if (exit.Fault is null && Abandoned is not null)
        {
            Abandoned = null;
            _readmit(this);
        }

        return exit;
    }

    /// <summary>No call is to be expected of it any more.</summary>
    internal void Abandon(string reason) => Abandoned ??= reason;

    /// <summary>Memory for the buffers of a call: a call from within an ocall of another has a window of its own.</summary>
    internal CallWindow TakeWindow() => _windows.TryPop(out CallWindow? window) ? window : new CallWindow();

    /// <summary>The call is over.</summary>
    internal void GiveBack(CallWindow window)
    {
        window.Close();
        _windows.Push(window);
        if (_closing)
        {
            CloseWindows();
        }
    }

    /// <summary>An exception inside, in words.</summary>
    internal string Describe(EnclaveFault fault) => FaultText.Describe(fault, _enclave.BaseAddress.Value, _enclave.Size);

    /// <summary>Gives the stack back, now or when whoever is inside has left.</summary>
    internal void Close()
    {
        _closing = true;
        if (Interlocked.CompareExchange(ref _state, Closed, Free) == Free)
        {
            _stack.Dispose();
        }
    }

    private void CloseWindows()
    {
        while (_windows.TryPop(out CallWindow? window))
        {
            window.Dispose();
        }
    }

    private EnclaveExit Run(EncluLeaf leaf, EnclaveRegisters registers, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using LoadedEnclave.Use use = _enclave.BeginUse();
        if (Interlocked.CompareExchange(ref _state, Entered, Free) is var state and not Free)
        {
            if (state == Closed)
            {
                throw LoadedEnclave.Disposed();
            }

            // SDM 3D, EENTER: a TCS that is in use makes #GP.
            throw new EnclaveException($"the thread at 0x{Offset:x} is in use: one caller at a time can be inside on it");
        }

        try
        {
            return cancellation.CanBeCanceled ? CrossUntilCancelled(leaf, registers, cancellation) : CrossWhole(leaf, registers, null);
        }
        finally
        {
            Volatile.Write(ref _state, Free);
            if (_closing)
            {
                Close();
            }
        }
    }

    private EnclaveExit CrossUntilCancelled(EncluLeaf leaf, EnclaveRegisters registers, CancellationToken cancellation)
    {
        using var left = new ManualResetEventSlim();
        var driven = new Driven();
        int caller = Environment.CurrentManagedThreadId;
        EnclaveExit exit;
        using (cancellation.Register(() =>
        {
            driven.Out = true;
            if (Environment.CurrentManagedThreadId != caller)
            {
                _enclave.DriveOut.Run(left);
            }
        }))
        {
            try
            {
                // Cancelled on the way here; nobody is inside.
                cancellation.ThrowIfCancellationRequested();
                exit = CrossWhole(leaf, registers, driven);
            }
            finally
            {
                left.Set();
            }
        }

        if (driven.Out && exit.Fault is { } fault && MayBeOfDriveOut(fault))
        {
            Abandon("a call on it was cancelled");
            throw new EnclaveCallCanceledException(this, cancellation);
        }

        return exit;
    }

    // Goes on where the thread was only driven out with another.
    private EnclaveExit CrossWhole(EncluLeaf leaf, EnclaveRegisters registers, Driven? driven)
    {
        while (true)
        {
            int before = _enclave.DriveOut.Changes;
            EnclaveExit exit = Cross(leaf, registers);
            if (exit.Fault is not { } fault || driven?.Out == true || !MayBeOfDriveOut(fault)
                || (before % 2 == 0 && before == _enclave.DriveOut.Changes))
            {
                return exit;
            }

            _enclave.DriveOut.WaitUntilOver();
            (leaf, registers) = (EncluLeaf.Eresume, default);
        }
    }

    private bool MayBeOfDriveOut(EnclaveFault fault) =>
        fault is { Vector: ExceptionVector.PageFault, RefusedByEpcm: false }
        && ((PageFaultErrorCode)fault.ErrorCode).HasFlag(PageFaultErrorCode.InstructionFetch)
        && fault.Address - _enclave.BaseAddress < _enclave.Size;

    private EnclaveExit Cross(EncluLeaf leaf, EnclaveRegisters registers)
    {
        var run = new EnclaveRun
        {
            Tcs = Address.Value,
            Leaf = (uint)leaf,
            Rdi = registers.Rdi,
            Rsi = registers.Rsi,
            Rdx = registers.Rdx,
            R8 = registers.R8,
            R9 = registers.R9,
        };
        long result = _enclave.Entry.Enter(ref run, _stack);
        if (result != 0)
        {
            throw new EnclaveException($"{VdsoLookup.SgxEnterEnclave} returned {result}");
        }

        var last = (EncluLeaf)run.Function;
        if (last == EncluLeaf.Eexit)
        {
            Crossings++;
            FramesInUse -= leaf == EncluLeaf.Eresume ? 1 : 0;
            return new EnclaveExit(last, new EnclaveRegisters(run.Rdi, run.Rsi, run.Rdx, run.R8, run.R9), null);
        }

        var fault = new EnclaveFault((ExceptionVector)run.ExceptionVector, run.ExceptionErrorCode, new LinearAddress(run.ExceptionAddress));

        // After an asynchronous exit the leaf to go on with is ERESUME; an exception of EENTER itself leaves EENTER.
        // Source: Linux, arch/x86/entry/vdso/vsgx.S: RAX at the exception.
        // One at the TCS is ERESUME's own: to enclave code its TCS is out of reach (SDM 3D, "Access-control Requirements").
        if (last == EncluLeaf.Eenter || IsLost(fault))
        {
            throw Refused(last, fault);
        }

        Crossings++;
        FramesInUse += leaf == EncluLeaf.Eenter ? 1 : 0;
        return new EnclaveExit(last, default, fault);
    }

    private bool IsLost(EnclaveFault fault) => fault.RefusedByEpcm && fault.Address == Address.PageBase;

    private EnclaveException Refused(EncluLeaf leaf, EnclaveFault fault)
    {
        string name = leaf == EncluLeaf.Eenter ? "EENTER" : "ERESUME";
        if (IsLost(fault))
        {
            return new EnclaveLostException(
                $"{name}: the TCS at 0x{Offset:x} is not there any more: it was removed, or the enclave is lost to a power transition; build it anew");
        }

        return new EnclaveException(
            $"{name} on 0x{Offset:x} was refused (exception {(int)fault.Vector}, error code 0x{fault.ErrorCode:x}): the TCS is in use, has no free state save area frame, or the page is none")
        {
            EntryRefused = leaf == EncluLeaf.Eenter,
        };
    }

    private sealed class Driven
    {
        private volatile bool _out;

        public bool Out
        {
            get => _out;
            set => _out = value;
        }
    }
}
