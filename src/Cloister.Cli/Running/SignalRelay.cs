using System.Globalization;
using System.Runtime.InteropServices;
using Cloister.Engine;
using Cloister.Linux;

namespace Cloister.Cli.Running;

/// <summary>While a program runs, signals sent to Cloister are the program's.</summary>
internal static class SignalRelay
{
    private static readonly int[] s_relayed =
    [
        Signal.SIGHUP, Signal.SIGTERM, Signal.SIGUSR1, Signal.SIGUSR2, Signal.SIGINT, Signal.SIGQUIT,
    ];

    /// <summary>Begins to pass signals on.</summary>
    /// <remarks>A keyboard's signals go to the whole process group: what the program has got itself is not passed on a second time.
    /// A signal that Cloister was started to ignore stays ignored.</remarks>
    /// <returns>What ends it.</returns>
    public static IDisposable To(Tracer tracer)
    {
        ulong ignored = ulong.TryParse(HostKernel.StatusField(Environment.ProcessId, "SigIgn:"), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong mask) ? mask : 0;
        var registrations = new Registrations();
        foreach (int signal in s_relayed)
        {
            if ((ignored & 1UL << (signal - 1)) != 0)
            {
                continue;
            }

            registrations.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
            {
                // When the program has ended and only what it started is left, the signal is for Cloister.
                context.Cancel = tracer.Relay(signal);
            }));
        }

        return registrations;
    }

    private sealed class Registrations : List<PosixSignalRegistration>, IDisposable
    {
        public void Dispose() => ForEach(r => r.Dispose());
    }
}
