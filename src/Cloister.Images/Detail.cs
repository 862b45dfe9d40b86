namespace Cloister.Images;

/// <summary>One thing a file says of itself, beyond what all formats have.</summary>
/// <param name="Name">In the words of the format.</param>
/// <param name="Value">For a reader.</param>
public readonly record struct Detail(string Name, string Value);
