using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Programs;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Debugging;

/// <summary>The registers of a thread that stands, as a debugger is shown them: of code inside where it may be looked at.</summary>
internal sealed class ThreadRegisters(SgxMachine machine, ISgxDriver driver, DebuggedMemory memory)
{
    /// <summary>Whose registers they are.</summary>
    public static ThreadPlace PlaceOf(TracedThread thread)
    {
        if (!thread.Stopped)
        {
            return ThreadPlace.Unknown;
        }

        if (thread.Processor.EnclaveMode)
        {
            return IsDebugged(thread, thread.Processor.Tcs.Value) ? ThreadPlace.Inside : ThreadPlace.Hidden;
        }

        return thread.JustExited && IsDebugged(thread, thread.Peek().Rbx) ? ThreadPlace.Exited : ThreadPlace.Outside;
    }

    /// <summary>Reads them.</summary>
    /// <param name="thread">Whose.</param>
    /// <param name="extended">Gets the extended state; empty for none.</param>
    public UserRegisters Read(TracedThread thread, Span<byte> extended)
    {
        extended.Clear();
        ThreadPlace place = PlaceOf(thread);
        if (place == ThreadPlace.Unknown)
        {
            return default;
        }

        UserRegisters own = thread.Peek();
        switch (place)
        {
            case ThreadPlace.Exited when Frame(thread) is { } frame:
                _ = memory.Read(frame.Start, extended[..Math.Min(extended.Length, (int)(frame.Gprsgx - frame.Start))]);
                return Saved(frame.Gprsgx, own);
            case ThreadPlace.Hidden:
                (own.Rax, own.Rbx, own.Rcx) = ((ulong)EncluLeaf.Eresume, thread.Processor.Tcs.Value, thread.Processor.Aep.Value);
                (own.Rdx, own.Rsi, own.Rdi, own.R8, own.R9, own.R10, own.R11, own.R12, own.R13, own.R14, own.R15) = default((ulong, ulong,
                    ulong, ulong, ulong, ulong, ulong, ulong, ulong, ulong, ulong));
                own.Rip = thread.Processor.Aep.Value;
                (own.Rsp, own.Rbp) = Aex.HostStackOf(machine, thread.Processor);
                (own.FsBase, own.GsBase) = (thread.Processor.SavedFsBase, thread.Processor.SavedGsBase);
                return own;
            default:
                if (!extended.IsEmpty)
                {
                    thread.Save(extended, ulong.MaxValue);
                }

                return own;
        }
    }

    /// <summary>Writes the general registers; extended state stays as it is.</summary>
    /// <returns>False where they cannot be written: nobody writes those of an enclave that may not be debugged.</returns>
    public bool Write(TracedThread thread, in UserRegisters registers)
    {
        switch (PlaceOf(thread))
        {
            case ThreadPlace.Outside or ThreadPlace.Inside:
                thread.Registers = registers;
                return true;
            case ThreadPlace.Exited when Frame(thread) is { } frame:
                Span<byte> bytes = stackalloc byte[Gprsgx.SizeInBytes];
                if (memory.Read(frame.Gprsgx, bytes) != bytes.Length)
                {
                    return false;
                }

                ref Gprsgx to = ref MemoryMarshal.AsRef<Gprsgx>(bytes);
                (to.Rax, to.Rcx, to.Rdx, to.Rbx) = (registers.Rax, registers.Rcx, registers.Rdx, registers.Rbx);
                (to.Rsp, to.Rbp, to.Rsi, to.Rdi) = (registers.Rsp, registers.Rbp, registers.Rsi, registers.Rdi);
                (to.R8, to.R9, to.R10, to.R11) = (registers.R8, registers.R9, registers.R10, registers.R11);
                (to.R12, to.R13, to.R14, to.R15) = (registers.R12, registers.R13, registers.R14, registers.R15);
                (to.Rflags, to.Rip, to.Fsbase, to.Gsbase) = (registers.Rflags, registers.Rip, registers.FsBase, registers.GsBase);
                return memory.Write(frame.Gprsgx, bytes);
            default:
                return false;
        }
    }

    private static bool IsDebugged(TracedThread thread, ulong tcs) => EnclaveAt(thread, tcs) is { IsDebug: true };

    private static IOpenEnclave? EnclaveAt(TracedThread thread, ulong address) =>
        thread.Space.Mappings.Find(address)?.File.Enclave;

    private UserRegisters Saved(ulong gprsgx, UserRegisters own)
    {
        Span<byte> bytes = stackalloc byte[Gprsgx.SizeInBytes];
        if (memory.Read(gprsgx, bytes) != bytes.Length)
        {
            return own;
        }

        ref Gprsgx from = ref MemoryMarshal.AsRef<Gprsgx>(bytes);
        (own.Rax, own.Rcx, own.Rdx, own.Rbx) = (from.Rax, from.Rcx, from.Rdx, from.Rbx);
        (own.Rsp, own.Rbp, own.Rsi, own.Rdi) = (from.Rsp, from.Rbp, from.Rsi, from.Rdi);
        (own.R8, own.R9, own.R10, own.R11) = (from.R8, from.R9, from.R10, from.R11);
        (own.R12, own.R13, own.R14, own.R15) = (from.R12, from.R13, from.R14, from.R15);
        (own.Rflags, own.Rip, own.FsBase, own.GsBase) = (from.Rflags, from.Rip, from.Fsbase, from.Gsbase);
        return own;
    }

    // The frame that the exit has filled, which is the one before the next: CSSA counts up at an exit.
    private (ulong Start, ulong Gprsgx)? Frame(TracedThread thread)
    {
        ulong address = thread.Peek().Rbx;
        if (EnclaveAt(thread, address) is not { } enclave || !driver.TryReadSecs(enclave, out Secs secs)
            || !memory.TryReadTcs(address, out Tcs tcs) || tcs.Cssa == 0)
        {
            return null;
        }

        return (StateSaveArea.Frame(in secs, in tcs, tcs.Cssa - 1).Value, StateSaveArea.FrameGprsgx(in secs, in tcs, tcs.Cssa - 1).Value);
    }
}
