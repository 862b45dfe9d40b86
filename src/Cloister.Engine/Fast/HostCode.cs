using Cloister.Linux;

namespace Cloister.Engine.Fast;

/// <summary>A mapping that a host can execute and the enclave's one thread cannot: strict isolation.</summary>
/// <param name="Start">First byte.</param>
/// <param name="End">Behind the last byte.</param>
/// <param name="Protection">Its PROT_ bits.</param>
internal sealed record HostCode(ulong Start, ulong End, int Protection)
{
    /// <summary>As the host has it.</summary>
    public ProtectedRange Shown => new(Start, End, (ulong)Protection);

    /// <summary>As it is while the thread is inside, and stays outside until the host executes it.</summary>
    public ProtectedRange Hidden => new(Start, End, (ulong)(Protection & ~MemoryProtection.Execute));

    /// <summary>The host executes it between its entries: it is shown at each exit.</summary>
    public bool IsUsed { get; set; }

    /// <summary>Whether it neither grows nor goes by calls that do not stop.</summary>
    public bool IsLasting { get; private init; } = true;

    /// <summary>The file that it is of; 0 for none.</summary>
    public ulong Inode { get; private init; }

    /// <summary>That of a mapping.</summary>
    public static HostCode Of(MapsLine line) => new(line.Start, line.End, line.Protection)
    {
        Inode = line.IsShared ? 0 : line.Inode,
        IsLasting = !line.Path.StartsWith("[stack", StringComparison.Ordinal) && !line.Path.StartsWith("/SYSV", StringComparison.Ordinal),
    };

    /// <summary>Whether an address is in it.</summary>
    public bool Contains(ulong address) => address - Start < End - Start;

    /// <summary>Whether it has a byte of a range.</summary>
    public bool Overlaps(ulong from, ulong to) => from < End && Start < to;

    /// <summary>Whether another one is the same mapping.</summary>
    public bool IsLike(HostCode other) => (Start, End, Protection) == (other.Start, other.End, other.Protection);
}
