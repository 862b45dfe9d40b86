using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>A process that is not dumpable shows its memory and its files to nobody but root; for a moment it is made to.</summary>
/// <remarks>prctl(2), PR_SET_DUMPABLE; ptrace(2), "Ptrace access mode checking". A tracer with CAP_SYS_PTRACE needs none of this.</remarks>
internal static class Dumpable
{
    private const ulong Get = 3, Set = 4;

    /// <summary>Does something to a stopped thread's process, once more with the process dumpable if it was refused.</summary>
    /// <param name="thread">A stopped thread.</param>
    /// <param name="attempt">Gives what it got, or null when it was refused.</param>
    public static T? Reach<T>(IHeldThread thread, Func<T?> attempt)
    {
        T? got = attempt();
        if (got is not null || thread.Process.Memory.Table is null)
        {
            return got;
        }

        long before = Call(thread, Get);
        if (before is < 0 or 1 || Call(thread, Set, 1) < 0)
        {
            return got;
        }

        got = attempt();

        // 2 (SUID_DUMP_ROOT) cannot be set; 0 shows as little.
        _ = Call(thread, Set, 0);
        return got;
    }

    private static long Call(IHeldThread thread, params ulong[] arguments) => new RemoteCalls().Add(SystemCall.Prctl, arguments)
        .Run(thread)[0];
}
