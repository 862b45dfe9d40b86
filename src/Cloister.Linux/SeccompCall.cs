using System.Runtime.InteropServices;

namespace Cloister.Linux;

/// <summary>A system call that waits for an answer: struct seccomp_notif of uapi linux/seccomp.h.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct SeccompCall
{
    /// <summary>What it is answered by.</summary>
    public readonly ulong Id;

    /// <summary>The thread that makes it.</summary>
    public readonly int Thread;
    private readonly uint _flags;

    /// <summary>Its number.</summary>
    public readonly int Number;
    private readonly uint _architecture;
    private readonly ulong _instruction;

    /// <summary>The first argument; the others follow.</summary>
    public readonly ulong A, B, C, D, E, F;

    /// <summary>A call.</summary>
    public SeccompCall(int thread, int number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0) =>
        (Thread, Number, A, B, C, D) = (thread, number, a, b, c, d);
}
