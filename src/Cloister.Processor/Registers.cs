namespace Cloister.Processor;

/// <summary>The general registers of a thread. Fields, for they are read and written millions of times.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1051", Justification = "Registers are storage, passed by reference.")]
public sealed class Registers
{
    /// <summary>RFLAGS bits. SDM 1, "EFLAGS Register".</summary>
    public const ulong CarryFlag = 1 << 0, ParityFlag = 1 << 2, AuxiliaryFlag = 1 << 4, ZeroFlag = 1 << 6,
        SignFlag = 1 << 7, TrapFlag = 1 << 8, DirectionFlag = 1 << 10, OverflowFlag = 1 << 11, ResumeFlag = 1 << 16;

    /// <summary>The register of this name.</summary>
    public ulong Rax, Rbx, Rcx, Rdx, Rsi, Rdi, Rbp, Rsp, R8, R9, R10, R11, R12, R13, R14, R15, Rip, Rflags = 2;

    /// <summary>The base address of the segment of this name.</summary>
    public ulong FsBase, GsBase;

    /// <summary>Sets every register to what it is in <paramref name="from"/>.</summary>
    public void CopyFrom(Registers from)
    {
        ArgumentNullException.ThrowIfNull(from);
        (Rax, Rbx, Rcx, Rdx) = (from.Rax, from.Rbx, from.Rcx, from.Rdx);
        (Rsi, Rdi, Rbp, Rsp) = (from.Rsi, from.Rdi, from.Rbp, from.Rsp);
        (R8, R9, R10, R11) = (from.R8, from.R9, from.R10, from.R11);
        (R12, R13, R14, R15) = (from.R12, from.R13, from.R14, from.R15);
        (Rip, Rflags, FsBase, GsBase) = (from.Rip, from.Rflags, from.FsBase, from.GsBase);
    }
}
