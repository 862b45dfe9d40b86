namespace Cloister.Driver;

/// <summary>
/// A generation of the user-space interface. The same command number can mean different things in two of them, so the
/// generation is chosen and never guessed from a call.
/// </summary>
public enum Generation
{
    /// <summary>The out-of-tree driver (isgx) with its SGX2 additions: /dev/isgx, enclaves by address, a launch token.</summary>
    Isgx,

    /// <summary>The 2018 tree around v16 of the patches: enclaves by address, REMOVE_PAGES and MODIFY_PAGES.</summary>
    V16,

    /// <summary>RFC v3 of December 2018: an ENCLU exception handler for each address space, and ioctls renumbered.</summary>
    RfcEnclu,

    /// <summary>Linux 5.11: SGX1 only.</summary>
    V5_11,

    /// <summary>Enclave dynamic memory management as first posted (December 2021).</summary>
    EdmmV1,

    /// <summary>Its second version (February 2022): relaxing and restricting are two calls, page tables follow them.</summary>
    EdmmV2,

    /// <summary>The RFC of 4 March 2022 on top of V2: pages are added by an ioctl.</summary>
    EdmmAugment,

    /// <summary>Its third version (April 2022): page tables no longer follow the enclave's permissions.</summary>
    EdmmV3,

    /// <summary>Linux 6.0 and later: SGX1, and dynamic memory with plain permissions and page types.</summary>
    V6_0,
}

/// <summary>The names of the generations on the command line and in tables.</summary>
public static class GenerationNames
{
    /// <summary>The name of a generation.</summary>
    public static string Name(this Generation generation) => generation switch
    {
        Generation.Isgx => "isgx",
        Generation.V16 => "v16",
        Generation.RfcEnclu => "rfc-enclu",
        Generation.V5_11 => "v5.11",
        Generation.EdmmV1 => "edmm-v1",
        Generation.EdmmV2 => "edmm-v2",
        Generation.EdmmAugment => "edmm-augment",
        Generation.EdmmV3 => "edmm-v3",
        Generation.V6_0 => "v6.0",
        _ => throw new ArgumentOutOfRangeException(nameof(generation)),
    };

    /// <summary>The generation of a name, or null.</summary>
    public static Generation? Parse(string name)
    {
        foreach (var generation in Enum.GetValues<Generation>())
        {
            if (generation.Name() == name)
            {
                return generation;
            }
        }

        return null;
    }
}
