using Cloister.Driver;

namespace Cloister.Engine.Kernel;

/// <summary>Does things to threads and memories that may end meanwhile, and does not throw for that.</summary>
internal interface ISurvivor : IThreadKicker
{
    /// <summary>Does something once. The end of a thread that it meets is kept for whom it concerns.</summary>
    void Do(Action action);
}
