namespace Cloister.Engine.SystemCalls;

/// <summary>What becomes of a system call about which a listener was asked.</summary>
/// <param name="Kind">What.</param>
/// <param name="Result">Its result: of <see cref="UntracedKind.Result"/>.</param>
/// <param name="Contents">What its new descriptor leads to: of <see cref="UntracedKind.File"/>.</param>
/// <param name="ClosesOnExec">Whether exec closes that.</param>
internal readonly record struct UntracedAnswer(UntracedKind Kind, long Result = 0, byte[]? Contents = null, bool ClosesOnExec = false)
{
    /// <summary>It is made.</summary>
    public static UntracedAnswer Pass => new(UntracedKind.Pass);

    /// <summary>Its thread must be held, and the tracer answers.</summary>
    public static UntracedAnswer Hold => new(UntracedKind.Hold);

    /// <summary>It is made by a thread that must be held.</summary>
    public static UntracedAnswer HoldAndPass => new(UntracedKind.HoldAndPass);

    /// <summary>It is not made, and has a result.</summary>
    public static UntracedAnswer Made(long result) => new(UntracedKind.Result, result);
}
