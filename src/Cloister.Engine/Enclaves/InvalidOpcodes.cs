using Cloister.Architecture;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Processor.Enclu;

namespace Cloister.Engine.Enclaves;

/// <summary>SIGILL: ENCLU, CPUID where it was replaced, the vDSO's function before its first call, and what is illegal indeed.</summary>
internal sealed class InvalidOpcodes(AsynchronousExits exits, EncluStops enclu, IllegalCode illegal)
{
    /// <summary>What is to become of a thread that stands at such a signal.</summary>
    public Answer Handle(TracedThread thread)
    {
        Span<byte> code = stackalloc byte[EncluInstruction.Length];
        ulong rip = thread.Peek().Rip;
        int read = thread.Space.ReadCode(rip, code);
        if (read == EncluInstruction.Length && code.SequenceEqual(EncluInstruction.Opcode))
        {
            return enclu.Execute(thread);
        }

        if (exits.IsPatched(thread.Space, rip, code))
        {
            // Another thread's ENCLU here stopped at the same time and was answered first: the jump that is here now does it.
            return Answer.RunOn;
        }

        if (thread.Processor.EnclaveMode)
        {
            if (IllegalCode.At(thread.Space, rip) is { } site)
            {
                illegal.Executed(thread, site);
            }

            return exits.Raise(thread, ExceptionVector.InvalidOpcode, 0, default);
        }

        if (thread.Space is { Vdso: { } vdso, Table: { } table } && rip == vdso.Enter)
        {
            vdso.WriteFunction(table.Slice(RemoteCalls.Offset(Area.Vdso), Area.VdsoLength));
            return Answer.RunOn;
        }

        return Answer.Deliver(Linux.Signal.SIGILL);
    }
}
