using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>Thread Control Structure, one EPC page. SDM 3D, "THREAD CONTROL STRUCTURE (TCS)".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Tcs
{
    /// <summary>Its size in bytes.</summary>
    public const int SizeInBytes = 4096;

    /// <summary>The processor's own: 0 when no thread is in it.</summary>
    [FieldOffset(0)] public ulong State;

    /// <summary>FLAGS.</summary>
    [FieldOffset(8)] public TcsFlags Flags;

    /// <summary>Offset in the enclave of the state save area's frames.</summary>
    [FieldOffset(16)] public ulong Ossa;

    /// <summary>Number of the current frame; zero when added.</summary>
    [FieldOffset(24)] public uint Cssa;

    /// <summary>How many frames there are.</summary>
    [FieldOffset(28)] public uint Nssa;

    /// <summary>Offset in the enclave of the entry point.</summary>
    [FieldOffset(32)] public ulong Oentry;

    /// <summary>The processor's own: where an asynchronous exit goes.</summary>
    [FieldOffset(40)] public ulong Aep;

    /// <summary>Offset in the enclave of FS's base.</summary>
    [FieldOffset(48)] public ulong Ofsbase;

    /// <summary>Offset in the enclave of GS's base.</summary>
    [FieldOffset(56)] public ulong Ogsbase;

    /// <summary>FS's limit in 32-bit mode.</summary>
    [FieldOffset(64)] public uint Fslimit;

    /// <summary>GS's limit in 32-bit mode.</summary>
    [FieldOffset(68)] public uint Gslimit;

    /// <summary>Offset in the enclave of the CET state save area.</summary>
    [FieldOffset(72)] public ulong Ocetssa;

    /// <summary>The processor's own: shadow stack pointer of the last exit.</summary>
    [FieldOffset(80)] public ulong Prevssp;

    /// <summary>Must be zero.</summary>
    [FieldOffset(88)] public Bytes4008 Reserved;
}
