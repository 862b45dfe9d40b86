using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>The part of a REPORT that its MAC covers. SDM 3D, "REPORT".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct ReportBody
{
    /// <summary>Its size in bytes.</summary>
    public const int SizeInBytes = 384;

    /// <summary>Security version of the processor.</summary>
    [FieldOffset(0)] public Bytes16 Cpusvn;

    /// <summary>The enclave's MISCSELECT.</summary>
    [FieldOffset(16)] public Miscselect Miscselect;

    /// <summary>The enclave's CET attributes.</summary>
    [FieldOffset(20)] public byte CetAttributes;

    /// <summary>Zero.</summary>
    [FieldOffset(21)] public Bytes11 Reserved1;

    /// <summary>The enclave's extended product number (KSS).</summary>
    [FieldOffset(32)] public Bytes16 Isvextprodid;

    /// <summary>The enclave's ATTRIBUTES.</summary>
    [FieldOffset(48)] public Attributes Attributes;

    /// <summary>The enclave's MRENCLAVE.</summary>
    [FieldOffset(64)] public Bytes32 Mrenclave;

    /// <summary>Zero.</summary>
    [FieldOffset(96)] public Bytes32 Reserved2;

    /// <summary>The enclave's MRSIGNER.</summary>
    [FieldOffset(128)] public Bytes32 Mrsigner;

    /// <summary>Zero.</summary>
    [FieldOffset(160)] public Bytes32 Reserved3;

    /// <summary>The enclave's CONFIGID (KSS).</summary>
    [FieldOffset(192)] public Bytes64 Configid;

    /// <summary>The enclave's product number.</summary>
    [FieldOffset(256)] public ushort Isvprodid;

    /// <summary>The enclave's security version.</summary>
    [FieldOffset(258)] public ushort Isvsvn;

    /// <summary>The enclave's CONFIGSVN (KSS).</summary>
    [FieldOffset(260)] public ushort Configsvn;

    /// <summary>Zero.</summary>
    [FieldOffset(262)] public Bytes42 Reserved4;

    /// <summary>The enclave's product family (KSS).</summary>
    [FieldOffset(304)] public Bytes16 Isvfamilyid;

    /// <summary>What the enclave says.</summary>
    [FieldOffset(320)] public Bytes64 Reportdata;
}
