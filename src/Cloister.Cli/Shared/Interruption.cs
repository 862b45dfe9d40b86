using System.Runtime.InteropServices;

namespace Cloister.Cli;

/// <summary>Ctrl-C and its like end what is under way, not this process: it cleans up and ends itself.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];

    private Interruption(Action cancel)
    {
        foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                cancel();
            }));
        }
    }

    /// <summary>Listens until it is disposed.</summary>
    public static Interruption Of(Action cancel) => new(cancel);

    public void Dispose() => _registrations.ForEach(registration => registration.Dispose());
}
