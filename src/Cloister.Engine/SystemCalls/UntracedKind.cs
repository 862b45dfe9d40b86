namespace Cloister.Engine.SystemCalls;

/// <summary>What can become of a system call about which a listener was asked.</summary>
internal enum UntracedKind
{
    /// <summary>It is made.</summary>
    Pass,

    /// <summary>It is not made, and has a result.</summary>
    Result,

    /// <summary>It is not made, and gives a new file.</summary>
    File,

    /// <summary>Its thread must be held, and the tracer answers.</summary>
    Hold,

    /// <summary>It executes a program that must be held from its beginning.</summary>
    HoldAndPass,
}
