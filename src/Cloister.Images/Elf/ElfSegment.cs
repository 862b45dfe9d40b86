using Cloister.Architecture;

namespace Cloister.Images;

// A program header. System V ABI, "Program Header".
internal readonly record struct ElfSegment(uint Type, uint Flags, ulong FileOffset, ulong Address, ulong FileSize, ulong MemorySize,
    ulong Alignment)
{
    public const uint Execute = 1;
    public const uint Write = 2;
    public const uint Read = 4;

    public SecinfoFlags Permissions
        => ((Flags & Read) != 0 ? SecinfoFlags.R : 0) | ((Flags & Write) != 0 ? SecinfoFlags.W : 0)
        | ((Flags & Execute) != 0 ? SecinfoFlags.X : 0);

    public string Name => (Flags & Execute) != 0 ? "code" : (Flags & Write) != 0 ? "data" : "rodata";

    // The pages that the segment touches, its bytes at their place in the first of them, zero around and behind.
    public PageRun ToRun(ByteSource source, ulong limit)
    {
        const ulong page = LinearAddress.PageSize;
        ulong bytes = Math.Max(FileSize, MemorySize);
        ulong first = Address & ~(page - 1);
        if (Address >= limit || bytes > limit - Address)
        {
            throw new ImageException($"the segment at 0x{Address:x} of 0x{bytes:x} bytes reaches past the enclave's end 0x{limit:x}");
        }

        if (!source.Contains(FileOffset, FileSize))
        {
            throw new ImageException($"the segment at 0x{Address:x} reaches past the end of the file",
                (long)Math.Min(FileOffset, long.MaxValue));
        }

        ulong count = (Address + bytes - first + page - 1) / page;
        var content = new SourcePageContent(source, FileOffset, FileSize, (int)(Address - first));
        return new PageRun(Name, first, count, SecinfoFlags.Reg | Permissions, content);
    }
}
