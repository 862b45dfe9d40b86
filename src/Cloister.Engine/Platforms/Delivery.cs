namespace Cloister.Engine.Platforms;

/// <summary>What became of a signal that a thread is given.</summary>
internal enum Delivery
{
    /// <summary>The thread stands at its handler's first instruction, and the frame has the exception's numbers.</summary>
    InHandler,

    /// <summary>There is no handler: the kernel does what it does then when the thread runs on with it.</summary>
    ByKernel,

    /// <summary>The thread stands where none can be given: it comes once more as soon as it runs on.</summary>
    Later,

    /// <summary>Something else stopped the thread, which is answered later.</summary>
    Interrupted,
}
