namespace Cloister.Engine.Platforms;

/// <summary>What became of a thread that was made to stand.</summary>
internal enum HaltResult
{
    /// <summary>It stands.</summary>
    Stands,

    /// <summary>It waits in the kernel, and stands before it is back in its program.</summary>
    Waits,

    /// <summary>It was killed; its end comes as an event.</summary>
    Gone,
}
