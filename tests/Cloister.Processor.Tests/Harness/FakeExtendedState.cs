using System.Buffers.Binary;

namespace Cloister.Processor.Tests.Harness;

/// <summary>Extended state that is one number, kept in the first bytes of the legacy region and at the end of the area.</summary>
internal sealed class FakeExtendedState : IExtendedState
{
    public ulong Value { get; set; }

    public bool RestoreFails { get; set; }

    public void Save(Span<byte> xsaveArea, ulong xfrm)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(xsaveArea, Value);
        BinaryPrimitives.WriteUInt64LittleEndian(xsaveArea[XsaveLayout.HeaderOffset..], xfrm);
        xsaveArea.Slice(XsaveLayout.HeaderOffset + 8, 16).Fill(0xcc);
        BinaryPrimitives.WriteUInt64LittleEndian(xsaveArea[^8..], ~Value);
    }

    public void Initialize(ulong xfrm) => Value = 0;

    public bool Restore(ReadOnlySpan<byte> xsaveArea, ulong xfrm)
    {
        if (RestoreFails || BinaryPrimitives.ReadUInt64LittleEndian(xsaveArea[^8..]) != ~BinaryPrimitives.ReadUInt64LittleEndian(xsaveArea))
        {
            return false;
        }

        Value = BinaryPrimitives.ReadUInt64LittleEndian(xsaveArea);
        return true;
    }
}
