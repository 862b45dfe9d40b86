using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>The debug registers of a traced thread.</summary>
internal static class DebugRegisters
{
    /// <summary>Makes it stop before it executes at some addresses. SDM 3B, "Debug Control Register (DR7)".</summary>
    public static Errno Write(int thread, IEnumerable<ulong> addresses)
    {
        ulong control = 0;
        int i = 0;
        foreach (ulong address in addresses)
        {
            if (Ptrace.SetDebugRegister(thread, i, address) is not Errno.None and var error)
            {
                return error;
            }

            control |= 1UL << (2 * i++); // local, of one byte, on execution
        }

        return Ptrace.SetDebugRegister(thread, 7, control);
    }
}
