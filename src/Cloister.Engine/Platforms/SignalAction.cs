using System.Runtime.InteropServices;
using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>What a program has said shall be done at a signal: the kernel's struct sigaction. Source:
/// arch/x86/include/asm/signal.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SignalAction
{
    /// <summary>SIG_DFL.</summary>
    public const ulong Default = 0;

    /// <summary>SIG_IGN.</summary>
    public const ulong Ignore = 1;

    /// <summary>SA_RESETHAND: the delivery makes it the default.</summary>
    public const ulong ResetHandler = 0x80000000;

    /// <summary>SA_NODEFER: the signal is not blocked while its handler runs.</summary>
    public const ulong NoDefer = 0x40000000;

    /// <summary>The signals of exceptions.</summary>
    public static ReadOnlySpan<int> OfExceptions =>
        [Signal.SIGILL, Signal.SIGTRAP, Signal.SIGBUS, Signal.SIGFPE, Signal.SIGSEGV, Signal.SIGSYS];

    /// <summary>SIG_DFL, SIG_IGN or the handler.</summary>
    public ulong Handler;

    /// <summary>SA_ flags.</summary>
    public ulong Flags;

    /// <summary>Where a handler returns to.</summary>
    public ulong Restorer;

    /// <summary>Signals that are blocked while it runs.</summary>
    public ulong Mask;
}
