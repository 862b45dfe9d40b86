namespace Cloister.Linux;

/// <summary>Which process group has the terminal: it gets what is typed, and Ctrl-C. tcsetpgrp(3), credentials(7).</summary>
public static unsafe class TerminalGroup
{
    private const long Ioctl = 16, SetGroup = 109, GetGroup = 121, SetMask = 14;
    private const long Take = 0x540f, Give = 0x5410; // TIOCGPGRP, TIOCSPGRP

    /// <summary>The group of a process; 0 for this one.</summary>
    /// <returns>0 when there is no such process.</returns>
    public static int Of(int process) => (int)Math.Max(0, NativeMethods.SystemCall(GetGroup, process, 0, 0, 0, 0, 0));

    /// <summary>This process leaves its group and begins one of its own.</summary>
    public static bool BeginOwn() => NativeMethods.SystemCall(SetGroup, 0, 0, 0, 0, 0, 0) == 0;

    /// <summary>Gives the terminal to a group of this session.</summary>
    /// <returns>False where there is no terminal, or no such group.</returns>
    public static bool TryGive(int group)
    {
        int terminal = NativeMethods.Open("/dev/tty", FileFlags.ReadWrite | FileFlags.NoTerminal | FileFlags.CloseOnExec, 0);
        if (terminal < 0)
        {
            return false;
        }

        // From the background it is a SIGTTOU, unless that is blocked. tcsetpgrp(3).
        const long block = 0, set = 2;
        ulong ttou = 1UL << (Signal.SIGTTOU - 1), before = 0;
        _ = NativeMethods.SystemCall(SetMask, block, (long)&ttou, (long)&before, sizeof(ulong), 0, 0);
        long result = NativeMethods.SystemCall(Ioctl, terminal, Give, (long)&group, 0, 0, 0);
        _ = NativeMethods.SystemCall(SetMask, set, (long)&before, 0, sizeof(ulong), 0, 0);
        _ = NativeMethods.Close(terminal);
        return result == 0;
    }

    /// <summary>The group that has the terminal; 0 where there is none.</summary>
    public static int Current
    {
        get
        {
            int terminal = NativeMethods.Open("/dev/tty", FileFlags.NoTerminal | FileFlags.CloseOnExec, 0), group = 0;
            if (terminal < 0)
            {
                return 0;
            }

            long result = NativeMethods.SystemCall(Ioctl, terminal, Take, (long)&group, 0, 0, 0);
            _ = NativeMethods.Close(terminal);
            return result == 0 ? group : 0;
        }
    }
}
