namespace Cloister.Cli.Looking;

/// <summary>A run that cannot be looked at, and why, in a line.</summary>
internal sealed class LookException(string message) : Exception(message);
