using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>
/// An error code that a leaf gives by order, and does nothing else: what chance brings on hardware, where others work on the same page.
/// </summary>
/// <param name="Encls">The leaf of ENCLS; null for one of ENCLU.</param>
/// <param name="Enclu">The leaf of ENCLU; null for one of ENCLS.</param>
/// <param name="Error">The code.</param>
/// <param name="First">The first occasion, from 1, counted over all threads.</param>
/// <param name="Last">The last one, at least <paramref name="First"/>.</param>
public sealed record InjectedLeaf(EnclsLeaf? Encls, EncluLeaf? Enclu, SgxError Error, long First, long Last)
{
    /// <summary>The leaves of ENCLS that can be asked for: those whose codes the driver takes as Linux does.</summary>
    public static IReadOnlyList<EnclsLeaf> ByDriver { get; } = [EnclsLeaf.Eaug, EnclsLeaf.Einit, EnclsLeaf.Eldu, EnclsLeaf.Emodpr,
        EnclsLeaf.Emodt, EnclsLeaf.Eremove, EnclsLeaf.Etrack];

    /// <summary>The leaves of ENCLU that can be asked for: those that have codes.</summary>
    public static IReadOnlyList<EncluLeaf> ByProgram { get; } = [EncluLeaf.Eaccept, EncluLeaf.Eacceptcopy, EncluLeaf.Egetkey];
}
