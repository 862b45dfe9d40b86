using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Programs;

/// <summary>A thread's personality(2).</summary>
internal static class Personality
{
    /// <summary>Whether every mapping of it that can be read can be executed.</summary>
    public static bool ReadImpliesExecute(IHeldThread thread)
    {
        const ulong readImpliesExec = 0x0400000, ask = 0xffffffff;
        ulong? personality = HostKernel.Personality(thread.Id);
        return ((personality ?? (ulong)new RemoteCalls().Add(SystemCall.Personality, ask).Run(thread)[0]) & readImpliesExec) != 0;
    }
}
