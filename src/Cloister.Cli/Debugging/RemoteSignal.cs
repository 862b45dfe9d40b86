namespace Cloister.Cli.Debugging;

/// <summary>Signals have numbers of gdb's own in packets. gdb, include/gdb/signals.def.</summary>
internal static class RemoteSignal
{
    private const int FirstRealTime = 33, LastRealTime = 63, RemoteRealTime = 45, Unknown = 143;

    // By Linux's number.
    private static readonly byte[] s_remote =
    [
        0, 1, 2, 3, 4, 5, 6, 10, 8, 9, 30, 11, 31, 13, 14, 15, Unknown, 20, 19, 17, 18, 21, 22, 16, 24, 25, 26, 27, 28, 23, 32, 12, 77,
    ];

    /// <summary>Linux's number as gdb's.</summary>
    public static int Of(int signal) => signal < s_remote.Length ? s_remote[signal]
        : signal <= LastRealTime ? RemoteRealTime + signal - FirstRealTime : signal == 64 ? 78 : Unknown;

    /// <summary>gdb's number as Linux's; 0 for none.</summary>
    public static int ToLinux(int remote)
    {
        for (int signal = 1; signal <= 64; signal++)
        {
            if (Of(signal) == remote)
            {
                return signal;
            }
        }

        return 0;
    }
}
