using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>The system calls that make a process, or a thread.</summary>
internal static class ForkingCalls
{
    /// <summary>Whether a system call is one.</summary>
    public static bool Contains(long call) => call is SystemCall.Clone or SystemCall.Clone3 or SystemCall.Fork or SystemCall.Vfork;
}
