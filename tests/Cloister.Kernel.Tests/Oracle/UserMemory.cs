namespace Cloister.Kernel.Tests.Oracle;

/// <summary>
/// Ordinary memory of the programs on one side: one part that may be executed, the end of it read only, and one of a file system mounted
/// noexec.
/// </summary>
internal sealed class UserMemory
{
    public const ulong Start = 0x10000, End = 0x80000, ReadOnlyStart = 0x7f000, NoExecStart = 0xa0000, NoExecEnd = 0xb0000;

    private readonly byte[] _bytes = new byte[NoExecEnd];

    public Span<byte> At(ulong address, int length) => _bytes.AsSpan((int)address, length);

    public bool Read(ulong address, Span<byte> to)
    {
        bool isThere = IsThere(address, (ulong)to.Length);
        if (isThere)
        {
            At(address, to.Length).CopyTo(to);
        }

        return isThere;
    }

    public bool Write(ulong address, ReadOnlySpan<byte> from)
    {
        bool isThere = IsThere(address, (ulong)from.Length) && !(address < End && address + (ulong)from.Length > ReadOnlyStart);
        if (isThere)
        {
            from.CopyTo(At(address, from.Length));
        }

        return isThere;
    }

    private static bool IsThere(ulong address, ulong length) =>
        (address >= Start && address < End && length <= End - address)
        || (address >= NoExecStart && address < NoExecEnd && length <= NoExecEnd - address);
}
