namespace Cloister.Engine.Platforms;

/// <summary>A system call of which a filter makes some stop.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Test">Which.</param>
internal sealed record TracedCall(long Number, ArgumentTest Test);
