namespace Cloister.Images.Comparing;

/// <summary>Something with a name that differs.</summary>
/// <param name="Name">Its name: of a section, a symbol, a field.</param>
/// <param name="First">It in the first file.</param>
/// <param name="Second">It in the second.</param>
public sealed record NamedDifference(string Name, string First, string Second);
