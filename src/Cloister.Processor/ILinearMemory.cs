using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>The linear address space of a program, as its page tables and its ordinary memory have it.</summary>
public interface ILinearMemory
{
    /// <summary>What the page tables say of an access to the byte at <paramref name="address"/>.</summary>
    PageWalk Walk(LinearAddress address, AccessKind access);

    /// <summary>Reads ordinary memory; false, and nothing promised of the bytes, when some of it cannot be read.</summary>
    bool Read(LinearAddress address, Span<byte> destination);

    /// <summary>Writes ordinary memory; false when some of it cannot be written.</summary>
    bool Write(LinearAddress address, ReadOnlySpan<byte> source);
}
