using System.Threading.Channels;
using Cloister.Engine;
using Cloister.Engine.Debugging;

namespace Cloister.Cli.Debugging;

/// <summary>A running machine, as who debugs it asks: what is asked is done by the tracer's thread, what happens comes in order.</summary>
/// <param name="tracer">The machine.</param>
internal sealed class DebugMachine(Tracer tracer)
{
    // Whoever debugs has at most one stop to hear of, and the end.
    private Channel<DebugStop> _stops = Channel.CreateUnbounded<DebugStop>();

    // The tracer's thread alone has it.
    private bool _isAttached;

    /// <summary>Hears why the process stands. For the tracer's thread.</summary>
    public void Hear(DebugStop stop)
    {
        _isAttached = stop.Kind is not (DebugStopKind.Exited or DebugStopKind.Killed);
        _ = _stops.Writer.TryWrite(stop);
    }

    /// <summary>The run has ended: nothing happens any more.</summary>
    public void End() => _stops.Writer.TryComplete();

    /// <summary>Why it stands next.</summary>
    /// <returns>Null when the run has ended.</returns>
    public async Task<DebugStop?> Next(CancellationToken cancellation) =>
        await _stops.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false) && _stops.Reader.TryRead(out DebugStop stop) ? stop : null;

    /// <summary>Asks about the process that is debugged, or does something to it.</summary>
    /// <returns>The answer; the default where there is no such process, or the run ends.</returns>
    public Task<T?> Ask<T>(Func<DebuggedProcess, T> question) => Look(view => view.Debugged is { } process ? question(process) : default);

    /// <summary>Asks about the machine.</summary>
    /// <returns>The answer; the default where the run ends.</returns>
    public async Task<T?> Look<T>(Func<MachineView, T?> question)
    {
        try
        {
            return await tracer.Ask(question, CancellationToken.None).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return default;
        }
    }

    /// <summary>Debugs a process from now on.</summary>
    /// <param name="process">Its id; 0 for the program's own.</param>
    /// <returns>Whether it can be: there is one, and nobody debugs here.</returns>
    public async Task<bool> Attach(int process)
    {
        var stops = Channel.CreateUnbounded<DebugStop>();
        bool attached = await Look(view =>
        {
            if (view.Debugged is not null)
            {
                return false;
            }

            _stops = stops;
            return _isAttached = view.Debug(process == 0 ? view.Program : process, Hear) is not null;
        }).ConfigureAwait(false);
        return attached;
    }

    /// <summary>Debugs it no more: it runs on as if nobody had come. Where somebody else debugs by now, nothing happens.</summary>
    public Task Leave() => Look(view =>
    {
        if (_isAttached)
        {
            _isAttached = false;
            view.Debugged?.Detach();
        }

        return true;
    });
}
