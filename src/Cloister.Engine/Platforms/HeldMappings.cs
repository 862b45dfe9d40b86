using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>What is mapped in a process that is held.</summary>
internal static class HeldMappings
{
    /// <summary>The mappings of a stopped thread's process, in order; none when they cannot be read, as of a process
    /// that was just killed.</summary>
    /// <remarks>The thread's own file: that of a leader that has ended is empty.</remarks>
    public static List<MapsLine> Of(IHeldThread thread) => Dumpable.Reach(thread, () => MapsLine.Of(thread.Id)) ?? [];
}
