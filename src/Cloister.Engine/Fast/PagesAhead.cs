using Cloister.Engine.Memory;

namespace Cloister.Engine.Fast;

/// <summary>A page that EACCEPT added by its fault, and those behind it that were promised.</summary>
/// <param name="File">Of which enclave; null for none.</param>
/// <param name="Start">The page that faulted.</param>
/// <param name="End">Behind the last one promised.</param>
internal readonly record struct PagesAhead(EnclaveFile? File, ulong Start, ulong End)
{
    /// <summary>No page.</summary>
    public static PagesAhead None => default;
}
