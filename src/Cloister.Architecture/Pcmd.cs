using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>What an evicted page was, with its MAC. SDM 3D, "PAGING CRYPTO METADATA (PCMD)".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Pcmd
{
    /// <summary>Its size in bytes, and its alignment.</summary>
    public const int SizeInBytes = 128;

    /// <summary>Type, permissions and state.</summary>
    [FieldOffset(0)] public Secinfo Secinfo;

    /// <summary>The owner's EID.</summary>
    [FieldOffset(64)] public ulong EnclaveId;

    /// <summary>Must be zero.</summary>
    [FieldOffset(72)] public Bytes40 Reserved;

    /// <summary>MAC of the page, this structure, the address and the version.</summary>
    [FieldOffset(112)] public Bytes16 Mac;
}
