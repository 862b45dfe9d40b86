using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>General registers at the end of a state save area frame. SDM 3D, "GPRSGX Region".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Gprsgx
{
    /// <summary>Its size in bytes.</summary>
    public const int SizeInBytes = 184;

    /// <summary>RAX.</summary>
    [FieldOffset(0)] public ulong Rax;

    /// <summary>RCX.</summary>
    [FieldOffset(8)] public ulong Rcx;

    /// <summary>RDX.</summary>
    [FieldOffset(16)] public ulong Rdx;

    /// <summary>RBX.</summary>
    [FieldOffset(24)] public ulong Rbx;

    /// <summary>RSP.</summary>
    [FieldOffset(32)] public ulong Rsp;

    /// <summary>RBP.</summary>
    [FieldOffset(40)] public ulong Rbp;

    /// <summary>RSI.</summary>
    [FieldOffset(48)] public ulong Rsi;

    /// <summary>RDI.</summary>
    [FieldOffset(56)] public ulong Rdi;

    /// <summary>R8.</summary>
    [FieldOffset(64)] public ulong R8;

    /// <summary>R9.</summary>
    [FieldOffset(72)] public ulong R9;

    /// <summary>R10.</summary>
    [FieldOffset(80)] public ulong R10;

    /// <summary>R11.</summary>
    [FieldOffset(88)] public ulong R11;

    /// <summary>R12.</summary>
    [FieldOffset(96)] public ulong R12;

    /// <summary>R13.</summary>
    [FieldOffset(104)] public ulong R13;

    /// <summary>R14.</summary>
    [FieldOffset(112)] public ulong R14;

    /// <summary>R15.</summary>
    [FieldOffset(120)] public ulong R15;

    /// <summary>RFLAGS.</summary>
    [FieldOffset(128)] public ulong Rflags;

    /// <summary>RIP.</summary>
    [FieldOffset(136)] public ulong Rip;

    /// <summary>The host's RSP at entry; exits restore it.</summary>
    [FieldOffset(144)] public ulong Ursp;

    /// <summary>The host's RBP at entry; asynchronous exits restore it.</summary>
    [FieldOffset(152)] public ulong Urbp;

    /// <summary>Why the enclave was left.</summary>
    [FieldOffset(160)] public Exitinfo Exitinfo;

    /// <summary>Reserved.</summary>
    [FieldOffset(164)] public ushort Reserved1;

    /// <summary>Reserved.</summary>
    [FieldOffset(166)] public byte Reserved2;

    /// <summary>Bit 0: the thread wants to be told of asynchronous exits.</summary>
    [FieldOffset(167)] public byte AexNotify;

    /// <summary>FS's base.</summary>
    [FieldOffset(168)] public ulong Fsbase;

    /// <summary>GS's base.</summary>
    [FieldOffset(176)] public ulong Gsbase;
}
