using Cloister.Architecture;
using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Engine.Programs;
using Cloister.Processor;
using Cloister.Processor.Enclu;

namespace Cloister.Engine.Enclaves;

/// <summary>Asynchronous exits, what the kernel does after them, and the resumption.</summary>
internal sealed class AsynchronousExits(SgxMachine machine, FastSpaces spaces, PageFaults faults, SignalDelivery signals)
{
    /// <summary>An asynchronous exit for an interrupt; the thread is left at its asynchronous exit pointer.</summary>
    public void ForInterrupt(TracedThread thread) => Exit(thread, null, 0, default);

    /// <summary>A fault of enclave code: asynchronous exit, then what the kernel does.</summary>
    /// <returns>What is to become of the thread; null when the fault is resolved, and the thread, where AEP is an
    /// ENCLU, inside again.</returns>
    public Answer? Resolve(TracedThread thread, in Fault fault)
    {
        // The kernel handles the fault after the exit: the thread is outside while the driver works.
        LinearAddress address = Aex.AddressForSystem(thread.Processor, fault.Address);
        Exit(thread, fault.Vector, fault.ErrorCode, fault.Address);
        if (fault.Vector != ExceptionVector.PageFault || !faults.Resolve(thread, fault))
        {
            return signals.Raise(thread, fault.Vector, fault.ErrorCode, address, IsUnmapped(thread.Space, fault));
        }

        ResumeInside(thread);
        return null;
    }

    /// <summary>Resumes at once after an exit: the instruction at AEP is nearly always the ENCLU that does, and nothing of the program
    /// would run in between.</summary>
    public void ResumeInside(TracedThread thread)
    {
        if (!IsEnclu(thread))
        {
            return;
        }

        // The model has the registers still that the exit left.
        LeafResult result = EncluInstruction.Dispatch(machine, thread.Processor, thread.Space, thread);
        if (result.Status != LeafStatus.Fault)
        {
            thread.FromModel();
            thread.JustExited = false;
        }

        // On a fault the thread executes the ENCLU itself and the fault is found again.
    }

    /// <summary>Whether a thread stands at an ENCLU, or at what is in its place.</summary>
    public bool IsEnclu(TracedThread thread)
    {
        Span<byte> code = stackalloc byte[EncluInstruction.Length];
        ulong rip = thread.Peek().Rip;
        return rip == thread.Space.Vdso?.Enclu
            || (thread.Space.ReadCode(rip, code) == EncluInstruction.Length
            && (code.SequenceEqual(EncluInstruction.Opcode) || IsPatched(thread.Space, rip, code)));
    }

    /// <summary>Whether code is the jump that stands in the place of an ENCLU.</summary>
    public bool IsPatched(AddressSpace space, ulong rip, ReadOnlySpan<byte> code) =>
        code is [SitePatcher.ShortJumpOpcode or SitePatcher.LongJumpOpcode, ..] && spaces.Of(space)?.PatchedSites.Contains(rip) == true;

    /// <summary>An exception that the kernel does not resolve.</summary>
    public Answer Raise(TracedThread thread, ExceptionVector vector, uint errorCode, LinearAddress address)
    {
        Exit(thread, vector, errorCode, address);
        return signals.Raise(thread, vector, errorCode, address, unmapped: false);
    }

    /// <summary>The exit alone.</summary>
    public void Exit(TracedThread thread, ExceptionVector? vector, uint errorCode, LinearAddress address)
    {
        thread.ToModel();
        Aex.Execute(machine, thread.Processor, thread.Space, thread, vector, errorCode, address);
        thread.FromModel();
        thread.JustExited = true;
    }

    /// <summary>Whether nothing is mapped where a fault was.</summary>
    public static bool IsUnmapped(AddressSpace space, in Fault fault) => fault.Vector == ExceptionVector.PageFault
        && space.Mappings.Find(fault.Address.Value) is null && !OrdinaryMemory.IsMapped(space, fault.Address.Value);
}
