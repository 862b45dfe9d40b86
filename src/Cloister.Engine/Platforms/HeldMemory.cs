using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>The memory of processes that are held: its bytes, and Cloister's own pages in it.</summary>
internal sealed class HeldMemory(int process) : IDisposable
{
    /// <summary>Its bytes.</summary>
    public RemoteMemory Bytes { get; } = new(process);

    /// <summary>Cloister's own pages in it, shared with this process; null before the first exec.</summary>
    public MappedFile? Table { get; set; }

    /// <summary>The inode of their file; 0 before the first exec.</summary>
    public ulong AreaInode { get; set; }

    /// <summary>Reads its code; null reads its bytes.</summary>
    public ICodeReader? Code { get; set; }

    /// <summary>The execution breakpoints of its threads.</summary>
    public IBreakpoints? Breakpoints { get; set; }

    /// <summary>Reads code as the processor fetches it.</summary>
    /// <returns>How many bytes could be read.</returns>
    public int ReadCode(ulong address, Span<byte> code) => Code?.ReadCode(address, code)
        ?? (Bytes.TryPeek(address, code) ? code.Length : 0);

    /// <summary>Whether an address is behind CD 03, which is INT n and no INT3.</summary>
    public bool IsBehindTwoByteBreakpoint(ulong address)
    {
        Span<byte> code = stackalloc byte[2];
        return ReadCode(address - 2, code) == 2 && code is [0xcd, 0x03];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Bytes.Dispose();
        Table?.Dispose();
    }
}
