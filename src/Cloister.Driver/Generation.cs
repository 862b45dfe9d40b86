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
