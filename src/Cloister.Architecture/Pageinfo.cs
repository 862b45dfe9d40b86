using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>Operands of ECREATE, EADD, EAUG, EWB and ELDx. SDM 3D, "PAGE INFORMATION (PAGEINFO)".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Pageinfo
{
    /// <summary>Its size in bytes, and its alignment.</summary>
    public const int SizeInBytes = 32;

    /// <summary>Enclave linear address.</summary>
    [FieldOffset(0)] public ulong Linaddr;

    /// <summary>Address of the page's contents.</summary>
    [FieldOffset(8)] public ulong Srcpge;

    /// <summary>Address of the SECINFO, or of the PCMD.</summary>
    [FieldOffset(16)] public ulong Secinfo;

    /// <summary>Address of the EPC page that holds the SECS.</summary>
    [FieldOffset(24)] public ulong Secs;
}
