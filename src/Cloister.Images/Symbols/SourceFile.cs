namespace Cloister.Images.Symbols;

/// <summary>A file of sources.</summary>
/// <param name="Name">As the compiler was told, without its directory.</param>
/// <param name="FullName">With its directory, where that is known.</param>
internal sealed record SourceFile(string Name, string FullName)
{
    /// <summary>One that the tables do not name.</summary>
    public static SourceFile Unknown { get; } = new("?", "?");
}
