using Cloister.Engine.Options;

namespace Cloister.Engine.Observers;

/// <summary>Hears what threads of the program do that is neither the processor's nor the driver's. It changes nothing
/// and must not throw.</summary>
public interface IEngineObserver
{
    /// <summary>Hears nothing.</summary>
    static IEngineObserver Silent { get; } = new SilentObserver();

    /// <summary>What processor and driver do from now on is for a thread: its stop is answered, or its ioctl is worked on.</summary>
    /// <param name="thread">Which; null for nobody, as the driver's own threads.</param>
    void Working(IObservedThread? thread)
    {
    }

    /// <summary>What enclaves a thread entered and left by itself, without a stop, since this was told last. When
    /// exactly is not known.</summary>
    /// <param name="thread">Which.</param>
    /// <param name="entries">EENTERs.</param>
    /// <param name="resumptions">ERESUMEs.</param>
    /// <param name="exits">EEXITs.</param>
    void FastPathsUsed(IObservedThread thread, long entries, long resumptions, long exits)
    {
    }

    /// <summary>The model follows, or follows no more, what a thread did by itself before: leaves told in between
    /// were executed earlier.</summary>
    /// <param name="thread">Which; null at the end.</param>
    void Following(IObservedThread? thread)
    {
    }

    /// <summary>The machine lost power: no page of the EPC is valid any more.</summary>
    void PowerLost()
    {
    }

    /// <summary>An exception of enclave or ENCLU comes to the program.</summary>
    /// <param name="thread">Whose.</param>
    /// <param name="exception">Which, and how it comes.</param>
    void ExceptionRaised(IObservedThread thread, in RaisedException exception)
    {
    }

    /// <summary>A thread gets a signal.</summary>
    /// <param name="thread">Which.</param>
    /// <param name="signal">Its number.</param>
    void SignalDelivered(IObservedThread thread, int signal)
    {
    }

    /// <summary>A system call about mappings of the device ended.</summary>
    /// <param name="thread">Whose.</param>
    /// <param name="mapping">Which, and with what.</param>
    /// <param name="result">What it returned.</param>
    void MappingCalled(IObservedThread thread, in MappingCall mapping, long result)
    {
    }

    /// <summary>A thread is about to open a file, or asks about one.</summary>
    /// <param name="thread">Which.</param>
    /// <param name="path">Its path, as the program gave it.</param>
    void FileOpening(IObservedThread thread, string path)
    {
    }

    /// <summary>A thread begins, of a new process where its id is the process's.</summary>
    /// <param name="thread">Which.</param>
    /// <param name="parent">The thread that made it; null when that is not known.</param>
    void ThreadBegan(IObservedThread thread, IObservedThread? parent)
    {
    }

    /// <summary>A process executes another program: it has one thread and no enclaves now.</summary>
    /// <param name="thread">That thread.</param>
    void Executed(IObservedThread thread)
    {
    }

    /// <summary>Something happens now because somebody ordered it.</summary>
    /// <param name="thread">To whom; null for everybody.</param>
    /// <param name="what">What.</param>
    /// <param name="by">What ordered it, as it is written.</param>
    void Ordered(IObservedThread? thread, OrderedEvent what, string by)
    {
    }

    /// <summary>A thread ended.</summary>
    /// <param name="thread">Which.</param>
    /// <param name="how">How.</param>
    void ThreadEnded(IObservedThread thread, ProgramEnd how)
    {
    }

    private sealed class SilentObserver : IEngineObserver;
}
