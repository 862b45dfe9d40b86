using System.Runtime.InteropServices;

namespace Cloister.Linux;

/// <summary>
/// The kernel's <c>struct user_regs_struct</c> for x86-64: the general registers of a stopped thread. Source:
/// arch/x86/include/asm/user_64.h.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct UserRegisters
{
#pragma warning disable CS1591 // each name is the register's
    public ulong R15, R14, R13, R12, Rbp, Rbx, R11, R10, R9, R8, Rax, Rcx, Rdx, Rsi, Rdi;
    public ulong OrigRax;
    public ulong Rip, Cs, Rflags, Rsp, Ss, FsBase, GsBase, Ds, Es, Fs, Gs;
#pragma warning restore CS1591
}
