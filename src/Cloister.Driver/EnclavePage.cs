using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>
/// What the driver knows of one enclave page (struct sgx_encl_page), in 16 bytes. The state of the page in the EPC is
/// the EPCM's alone; the type here is the kernel's own note of it, which lags behind the enclave's EACCEPT just as the
/// kernel's does.
/// </summary>
internal struct EnclavePage
{
    /// <summary>No EPC page, or no block in the backing store.</summary>
    public const int None = -1;

    /// <summary>A page neither in the EPC nor in the backing store.</summary>
    public static EnclavePage NotAnywhere => new() { EpcIndex = None, Backing = None };

    /// <summary>Index of the EPC page that holds it, or <see cref="None"/> while it is written out.</summary>
    public int EpcIndex;

    /// <summary>Handle of the backing block that holds it, or <see cref="None"/>.</summary>
    public int Backing;

    /// <summary>Ordinal of its version array page times 512 plus the slot; valid while written out.</summary>
    public int VersionSlot;

    /// <summary>The page type the driver last gave it.</summary>
    public PageType Type;

    /// <summary>vm_max_prot_bits: the most a mapping of the page may ever have.</summary>
    public Protection MaximumProtection;

    /// <summary>
    /// vm_run_prot_bits of EDMM V1 and V2: what the enclave last told the driver the page has, within the maximum. Equal
    /// to the maximum in every other generation.
    /// </summary>
    public Protection RunProtection;

    /// <summary>Whether the page is in the EPC.</summary>
    public readonly bool IsResident => EpcIndex != None;

    /// <summary>The EPC page; only while resident.</summary>
    public readonly EpcPage Epc => new(EpcIndex);
}
