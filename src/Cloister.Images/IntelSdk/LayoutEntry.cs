using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>layout_entry_t or layout_group_t. intel/linux-sgx, common/inc/internal/metadata.h.</summary>
internal readonly record struct LayoutEntry(
    ushort Id,
    ushort Attributes,
    uint PageCount,
    ulong Offset,
    uint ContentSize,
    uint ContentOffset,
    SecinfoFlags Flags)
{
    // se_page_attr.h
    public const ushort Eadd = 1;
    public const ushort Eextend = 2;
    public const ushort Eremove = 4;
    public const ushort PostAdd = 8;
    public const ushort PostRemove = 16;
    public const ushort DynamicThread = 32;
    public const ushort GrowDown = 64;

    // metadata.h, LAYOUT_ID_...
    public const ushort HeapMin = 1;
    public const ushort HeapInit = 2;
    public const ushort HeapMax = 3;
    public const ushort Tcs = 4;
    public const ushort Td = 5;
    public const ushort Ssa = 6;
    public const ushort StackMax = 7;
    public const ushort StackMin = 8;
    public const ushort ThreadGroup = GroupFlag | 9;
    public const ushort Guard = 10;
    public const ushort ThreadGroupDynamic = GroupFlag | 19;
    public const ushort ReservedMin = 20;
    public const ushort ReservedInit = 21;
    public const ushort ReservedMax = 22;
    public const ushort UserRegion = 23;

    // From a thread's entry to the same of a thread that is added later.
    public const ushort ToDynamic = 10;

    private const ushort GroupFlag = 1 << 12;

    // Metadata 1.3 numbered its entries otherwise. metadata.h of the first release.
    private static readonly string[] NamesOf13 = ["", "HEAP", "TCS", "TD", "SSA", "STACK", "THREAD_GROUP", "GUARD"];

    private static readonly string[] Names =
    [
        "", "HEAP_MIN", "HEAP_INIT", "HEAP_MAX", "TCS", "TD", "SSA", "STACK_MAX", "STACK_MIN", "THREAD_GROUP", "GUARD",
        "HEAP_DYN_MIN", "HEAP_DYN_INIT", "HEAP_DYN_MAX", "TCS_DYN", "TD_DYN", "SSA_DYN", "STACK_DYN_MAX", "STACK_DYN_MIN",
        "THREAD_GROUP_DYN", "RSRV_MIN", "RSRV_INIT", "RSRV_MAX", "USER_REGION",
    ];

    public bool IsGroup => (Id & GroupFlag) != 0;

    // A group: how many entries before it are loaded again, how often, and how far apart.
    public ushort GroupEntryCount => Attributes;

    public uint LoadTimes => PageCount;

    public ulong LoadStep => Offset;

    public static LayoutEntry Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[20..]),
        (SecinfoFlags)BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]));

    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(to, Id);
        BinaryPrimitives.WriteUInt16LittleEndian(to[2..], Attributes);
        BinaryPrimitives.WriteUInt32LittleEndian(to[4..], PageCount);
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(to[16..], ContentSize);
        BinaryPrimitives.WriteUInt32LittleEndian(to[20..], ContentOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(to[24..], (ulong)Flags);
    }

    public string NameIn(SgxMetadata metadata)
    {
        string[] names = metadata is { Major: 1, Minor: <= 3 } ? NamesOf13 : Names;
        int number = Id & ~GroupFlag;
        return number < names.Length && number > 0 ? names[number] : $"entry {Id}";
    }
}
