namespace Cloister.Cli.Looking;

/// <summary>An answer: a line of JSON, and what follows it.</summary>
/// <param name="Line">The line, with its end.</param>
/// <param name="Rest">What follows, from its beginning; null for nothing. It is whoever answers' to close.</param>
internal sealed record LookAnswer(byte[] Line, Stream? Rest = null);
