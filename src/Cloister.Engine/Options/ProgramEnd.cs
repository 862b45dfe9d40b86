namespace Cloister.Engine.Options;

/// <summary>How a program ended.</summary>
/// <param name="ExitStatus">0 to 255, or null when a signal ended it.</param>
/// <param name="Signal">The signal that ended it, or null.</param>
public readonly record struct ProgramEnd(int? ExitStatus, int? Signal);
