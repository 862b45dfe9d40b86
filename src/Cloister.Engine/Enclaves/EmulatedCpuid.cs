using Cloister.Engine.Instructions;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Enclaves;

/// <summary>CPUID where it does not reach the processor.</summary>
internal sealed class EmulatedCpuid(CpuidEmulator cpuid, EncluStops enclu)
{
    /// <summary>Executes it for a thread that stands at it.</summary>
    public Answer Execute(TracedThread thread, int length)
    {
        ref UserRegisters r = ref thread.Registers;
        cpuid.Execute(ref r);
        r.Rip += (ulong)length;
        return enclu.ResumeAfterInstruction(thread);
    }
}
