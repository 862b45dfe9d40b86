namespace Cloister.Driver;

/// <summary>
/// A generation of the user-space interface. The same command number can mean different things in two of them, so the
/// generation is chosen and never guessed from a call.
/// </summary>
public enum Generation
{
    /// <summary>Linux 6.0 and later: SGX1, and dynamic memory with plain permissions and page types.</summary>
    V6_0,
}

/// <summary>The names of the generations on the command line and in tables.</summary>
public static class GenerationNames
{
    /// <summary>The name of a generation.</summary>
    public static string Name(this Generation generation) => generation switch
    {
        Generation.V6_0 => "v6.0",
        _ => throw new ArgumentOutOfRangeException(nameof(generation)),
    };
}
