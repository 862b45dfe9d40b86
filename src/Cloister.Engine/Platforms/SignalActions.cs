using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>A process's actions at the signals of exceptions, as the program set them, and whether the kernel still has them.</summary>
/// <remarks>An exception's signal that is blocked or ignored is made the default and unblocked by the kernel: Linux, kernel/signal.c,
/// force_sig_info_to_task. Most of these signals are stops of ours that the program has nothing to do with.</remarks>
internal sealed class SignalActions : IDisposable
{
    private readonly Dictionary<int, SignalAction> _actions = [];
    private ProcessSignals? _kernel;
    private ulong _delivered;

    /// <summary>The action at a signal.</summary>
    public SignalAction this[int signal]
    {
        get => _actions.GetValueOrDefault(signal);
        set => _actions[signal] = value;
    }

    /// <summary>Whether the program has a handler.</summary>
    public bool IsHandled(int signal) => this[signal].Handler > SignalAction.Ignore;

    /// <summary>Whether the kernel has made the default of what the program had set.</summary>
    public bool IsReset(int process, int signal)
    {
        ulong handler = this[signal].Handler;
        if (handler == SignalAction.Default)
        {
            return false;
        }

        _kernel ??= new ProcessSignals(process);
        return _kernel.TryRead(out uint ignored, out uint caught)
            && ((handler == SignalAction.Ignore ? ignored : caught) & (1u << (signal - 1))) == 0;
    }

    /// <summary>Whether the program was told of a signal before: a handler of it may run now, and block it.</summary>
    public bool WasDelivered(int signal) => (_delivered & (1UL << (signal - 1))) != 0;

    /// <summary>The program is told of a signal: with SA_RESETHAND for the last time.</summary>
    public void NoteDelivery(int signal)
    {
        _delivered |= 1UL << (signal - 1);
        if (_actions.TryGetValue(signal, out SignalAction action) && (action.Flags & SignalAction.ResetHandler) != 0)
        {
            _actions[signal] = action with { Handler = SignalAction.Default };
        }
    }

    /// <summary>What a child that fork made begins with.</summary>
    public SignalActions Copy()
    {
        var copy = new SignalActions();
        foreach ((int signal, SignalAction action) in _actions)
        {
            copy._actions.Add(signal, action);
        }

        return copy;
    }

    /// <summary>Exec: handlers are gone, what is ignored stays so.</summary>
    public SignalActions AfterExec()
    {
        var after = new SignalActions();
        foreach ((int signal, SignalAction action) in _actions)
        {
            if (action.Handler == SignalAction.Ignore)
            {
                after._actions.Add(signal, action);
            }
        }

        return after;
    }

    /// <inheritdoc/>
    /// <remarks>Another process that shares it may go on.</remarks>
    public void Dispose()
    {
        _kernel?.Dispose();
        _kernel = null;
    }
}
