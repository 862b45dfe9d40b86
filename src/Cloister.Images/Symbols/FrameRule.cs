namespace Cloister.Images.Symbols;

/// <summary>Where the frame of a function is at one of its instructions. System V ABI AMD64, "Stack Unwind Support".</summary>
/// <param name="IsFromRbp">Whether it is counted from RBP, else from RSP.</param>
/// <param name="Offset">The canonical frame address less that register; the return address is 8 below.</param>
/// <param name="SavedRbp">Where the caller's RBP is, less the canonical frame address; null where it is in RBP still.</param>
public readonly record struct FrameRule(bool IsFromRbp, long Offset, long? SavedRbp);
