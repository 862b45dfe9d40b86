using System.Runtime.InteropServices;
using Cloister.Engine;
using Cloister.Linux;

namespace Cloister.Cli.Running;

/// <summary>Signals sent to Cloister are the program's, but for SIGPWR, which is a loss of power.</summary>
internal static class SignalRelay
{
    private static readonly int[] s_relayed =
    [
        Signal.SIGHUP, Signal.SIGTERM, Signal.SIGUSR1, Signal.SIGUSR2, Signal.SIGINT, Signal.SIGQUIT,

        // The kernel lets this process go on, and not the program: timeout(1) sends it after SIGTERM,
        // which a program that is stopped does not take before.
        Signal.SIGCONT,
    ];

    private static readonly int[] s_ending = [Signal.SIGHUP, Signal.SIGTERM, Signal.SIGINT, Signal.SIGQUIT];

    private static readonly List<PosixSignalRegistration> s_registrations = [];

    /// <summary>Begins to pass signals on, to the end of this process.</summary>
    /// <remarks>A keyboard's signals go to the whole process group: what the program has got itself is not passed on a second time, even
    /// when the program has ended before this process came to hear of it.
    /// A signal that Cloister was started to ignore stays ignored.</remarks>
    /// <param name="tracer">The machine.</param>
    /// <param name="isIdle">Whether the program waits before its beginning,
    /// and can take none: what asks to end is for Cloister then.</param>
    public static void Begin(Tracer tracer, Func<bool> isIdle)
    {
        ulong ignored = HostKernel.IgnoredSignals;
        s_registrations.Add(PosixSignalRegistration.Create((PosixSignal)Signal.SIGPWR, context =>
        {
            context.Cancel = true;
            tracer.LosePower("SIGPWR");
        }));
        if ((ignored & 1UL << (Signal.SIGXFSZ - 1)) == 0)
        {
            // A limit on the length of files: the write fails, and that is answered there.
            s_registrations.Add(PosixSignalRegistration.Create((PosixSignal)Signal.SIGXFSZ, context => context.Cancel = true));
        }

        foreach (int signal in s_relayed)
        {
            if ((ignored & 1UL << (signal - 1)) == 0)
            {
                // When the program has ended and only what it started is left, the signal is for Cloister.
                s_registrations.Add(PosixSignalRegistration.Create((PosixSignal)signal,
                    context => context.Cancel = !(s_ending.Contains(signal) && isIdle()) && tracer.Relay(signal)));
            }
        }
    }
}
