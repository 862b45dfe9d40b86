namespace Cloister.Engine;

/// <summary>A range that a thread is about to take out of an address space: its system call has not ended yet.</summary>
/// <param name="Thread">The thread.</param>
/// <param name="Start">First byte.</param>
/// <param name="End">Behind the last byte.</param>
/// <param name="Lost">The device files that were mapped there.</param>
internal sealed record Unmapping(TracedThread Thread, ulong Start, ulong End, HashSet<EnclaveFile> Lost)
{
    /// <summary>Whether it has a byte of a range.</summary>
    public bool Overlaps(ulong start, ulong end) => Start < end && start < End;
}
