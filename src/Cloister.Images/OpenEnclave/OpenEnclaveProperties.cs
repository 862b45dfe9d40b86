using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// oe_sgx_enclave_properties_t, the contents of .oeinfo. openenclave/openenclave, include/openenclave/bits/properties.h and
/// bits/sgx/sgxproperties.h.
/// </summary>
internal sealed class OpenEnclaveProperties
{
    /// <summary>Its size since KSS came in (2020): the only layout that is known to the bit here.</summary>
    public const int Size = 1960;

    public const int ImageInfoOffset = 96;
    public const int ImageInfoSize = 48;
    public const int SigstructOffset = 144;

    private const uint TypeSgx = 2;
    private readonly byte[] bytes;

    public OpenEnclaveProperties(ByteSource source, ulong fileOffset)
    {
        FileOffset = checked((long)fileOffset);
        bytes = source.ReadBytes(FileOffset, Size);
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        uint type = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4));
        if (size != Size || type != TypeSgx)
        {
            throw new ImageException(
                $"the properties have {size} bytes and type {type}; {Size} and {TypeSgx} are known (Open Enclave since 0.12)", FileOffset);
        }

        Sigstruct = MemoryMarshal.Read<Sigstruct>(bytes.AsSpan(SigstructOffset));
    }

    public long FileOffset { get; }

    public ulong HeapPages => UInt64(8);

    public ulong StackPages => UInt64(16);

    public ulong TcsCount => UInt64(24);

    public ushort ProductId => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(32));

    public ushort SecurityVersion => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(34));

    public bool CapturesFaults => (bytes[36] & 1) != 0;

    public bool IsZeroBase => (bytes[36] & 2) != 0;

    public ReadOnlyMemory<byte> FamilyId => bytes.AsMemory(40, 16);

    public ReadOnlyMemory<byte> ExtendedProductId => bytes.AsMemory(56, 16);

    public AttributeFlags Attributes => (AttributeFlags)UInt64(72);

    public ulong Xfrm => UInt64(80);

    public ulong StartAddress => IsZeroBase ? UInt64(88) : 0;

    public Sigstruct Sigstruct { get; }

    // An unsigned file has zero there; the loader then signs with its debug key. host/sgx/sgxload.c, _get_sig_struct.
    public bool IsSigned => bytes.AsSpan(SigstructOffset, 16).ContainsAnyExcept((byte)0);

    private ulong UInt64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset));
}
