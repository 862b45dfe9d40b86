namespace Cloister.Linux;

/// <summary>A process that waits to be seized, and of which its tracer makes a program.</summary>
public interface IStartingProgram : IDisposable
{
    /// <summary>Its process id.</summary>
    int Id { get; }

    /// <summary>The descriptor that it waits for, which it still has.</summary>
    int Inherited { get; }

    /// <summary>
    /// Has it send itself SIGSTOP, at which its tracer sees it when nothing is half done in it. It must be traced: it would stay.
    /// </summary>
    void StopItself();

    /// <summary>Ends it and takes its status.</summary>
    void Kill();
}
