using Cloister.Architecture;
using Cloister.Linux;

namespace Cloister.Host;

/// <summary>A TCS: one logical processor at a time can be inside on it.</summary>
public sealed class EnclaveThread
{
    // Room for a signal handler that comes while the thread is inside.
    private const int StackBytes = 256 * 1024;
    private readonly Enclave _enclave;
    private const int Free = 0, Entered = 1, Closed = 2;
    private readonly PageBuffer _stack = PageBuffer.Allocate(StackBytes);
    private int _state;
    private volatile bool _closing;

    internal EnclaveThread(Enclave enclave, ulong offset)
    {
        _enclave = enclave;
        Offset = offset;
    }

    /// <summary>Where the TCS is: bytes from the enclave's beginning.</summary>
    public ulong Offset { get; }

    /// <summary>Where the TCS is.</summary>
    public LinearAddress Address => _enclave.BaseAddress + Offset;

    /// <summary>EENTER. Returns when the enclave has left, by itself or by an exception.</summary>
    /// <remarks>After an exception the thread can be entered again if it has another state save area frame; RAX then tells the enclave how many are in use.</remarks>
    /// <param name="registers">What the enclave finds in the registers.</param>
    /// <exception cref="EnclaveException">EENTER itself was refused: the TCS is busy, has no free frame, or is none.</exception>
    /// <exception cref="EnclaveLostException">The enclave is lost to a power transition.</exception>
    /// <exception cref="ObjectDisposedException">The enclave has been disposed.</exception>
    public EnclaveExit Enter(EnclaveRegisters registers = default) => Run(EncluLeaf.Eenter, registers);

    /// <summary>ERESUME: goes on where the last exception was.</summary>
    /// <exception cref="EnclaveException">ERESUME itself was refused: there is nothing to resume, or the TCS is busy.</exception>
    /// <exception cref="EnclaveLostException">The enclave is lost to a power transition.</exception>
    /// <exception cref="ObjectDisposedException">The enclave has been disposed.</exception>
    public EnclaveExit Resume() => Run(EncluLeaf.Eresume, default);

    /// <summary>Gives the stack back, now or when whoever is inside has left.</summary>
    internal void Close()
    {
        _closing = true;
        if (Interlocked.CompareExchange(ref _state, Closed, Free) == Free)
        {
            _stack.Dispose();
        }
    }

    private EnclaveExit Run(EncluLeaf leaf, EnclaveRegisters registers)
    {
        using Enclave.Use use = _enclave.BeginUse();
        if (Interlocked.CompareExchange(ref _state, Entered, Free) is var state and not Free)
        {
            ObjectDisposedException.ThrowIf(state == Closed, _enclave);

            // SDM 3D, EENTER: a TCS that is in use makes #GP.
            throw new EnclaveException($"the thread at 0x{Offset:x} is in use: one caller at a time can be inside on it");
        }

        try
        {
            return Cross(leaf, registers);
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

        return new EnclaveExit(last, default, fault);
    }

    private bool IsLost(EnclaveFault fault) => fault.RefusedByEpcm && fault.Address == Address.PageBase;

    private EnclaveException Refused(EncluLeaf leaf, EnclaveFault fault)
    {
        string name = leaf == EncluLeaf.Eenter ? "EENTER" : "ERESUME";
        if (IsLost(fault))
        {
            return new EnclaveLostException($"{name}: the TCS at 0x{Offset:x} is not there any more: it was removed, or the enclave is lost to a power transition; build it anew");
        }

        return new EnclaveException($"{name} on 0x{Offset:x} was refused (exception {(int)fault.Vector}, error code 0x{fault.ErrorCode:x}): the TCS is in use, has no free state save area frame, or the page is none");
    }
}
