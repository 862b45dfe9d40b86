using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>In what the generations differ beside their ioctls.</summary>
internal sealed record GenerationRules
{
    private const AttributeFlags FirstAttributes = AttributeFlags.Debug | AttributeFlags.Mode64Bit | AttributeFlags.Kss;

    private const Protection ReadWrite = Protection.Read | Protection.Write;

    private static readonly GenerationRules Sgx1 = new();

    private static readonly GenerationRules Edmm = Sgx1 with { AddsPagesOnFault = true, MapsInsideOnly = true };

    private static readonly GenerationRules EdmmFollowing = Edmm with
    {
        EntriesFollowPages = true,
        ChecksMaximumOnRestrict = true,
    };

    private static readonly GenerationRules ByMapping = Sgx1 with { BindsToMapping = true };

    /// <summary>
    /// Whether an enclave belongs to a mapping and not to the open file: ioctls find it by an address, pages are added
    /// by a worker thread, and it ends with its mapping (the drivers before v20).
    /// </summary>
    public bool BindsToMapping { get; private init; }

    /// <summary>Whether a page that a worker could not add kills the enclave (2018 tree, sgx_add_page_worker).</summary>
    public bool KillsOnFailedAdd { get; private init; }

    /// <summary>
    /// Whether a write that adds a page is a signal all the same, so that the enclave's handler can accept the page, and
    /// only writable mappings add pages (isgx, sgx_encl_augment).
    /// </summary>
    public bool SignalsAddedPages { get; private init; }

    /// <summary>Whether CREATE needs a registered ENCLU exception handler (RFC v3 4/4).</summary>
    public bool NeedsEncluHandler { get; private init; }

    /// <summary>
    /// Whether a page fault where there is no page adds one by EAUG (V2 19/32, "Support adding of pages to an
    /// initialized enclave").
    /// </summary>
    public bool AddsPagesOnFault { get; private init; }

    /// <summary>
    /// The most a page added after EINIT may have. V2 19/32: read and write, until there is a user policy; V3 00/30:
    /// everything, the enclave decides.
    /// </summary>
    public Protection MaximumOfAddedPages { get; private init; } = ReadWrite | Protection.Execute;

    /// <summary>
    /// What a page added after EINIT has at first, within its maximum. V2 19/32: "RW permissions as runtime as well as
    /// maximum"; more comes by RELAX_PERMISSIONS.
    /// </summary>
    public Protection RunProtectionOfAddedPages { get; private init; } = ReadWrite | Protection.Execute;

    /// <summary>
    /// Whether MAP_POPULATE and MADV_WILLNEED of the device add pages ("[PATCH RFC v3 0/3] MAP_POPULATE for device memory",
    /// 8 March 2022, on top of V2 like the RFC of AUGMENT_PAGES; in no version of EDMM and never merged): elsewhere
    /// they are taken and do nothing, because the mapping is VM_IO and VM_PFNMAP.
    /// </summary>
    public bool Populates { get; private init; }

    /// <summary>Whether the key "enclave_execdirty" is there: the proof of concept of March 2022, for EDMM.</summary>
    public bool HasExecuteDirtyKey { get; private init; }

    /// <summary>
    /// Whether page-table entries have what the page and the mapping agree on, and a mapping with more than the page is
    /// no reason to refuse a fault (V2 06/32 and 07/32). Otherwise it is (sgx_encl_load_page_in_vma).
    /// </summary>
    public bool EntriesFollowPages { get; private init; }

    /// <summary>Whether the driver keeps note of the permissions a page has now, beside its maximum (V2 08/32).</summary>
    public bool TracksPermissions { get; private init; }

    /// <summary>Whether an initialised enclave is mapped inside its range only (V2, "Tighten accessible memory range").</summary>
    public bool MapsInsideOnly { get; private init; }

    /// <summary>Whether restricting to more than a page's maximum is EPERM (V2 16/32).</summary>
    public bool ChecksMaximumOnRestrict { get; private init; }

    /// <summary>
    /// Whether the permissions to restrict to must have R (V3, sgx_perm_from_user_secinfo); otherwise W needs R.
    /// </summary>
    public bool RestrictsToReadableOnly { get; private init; }

    /// <summary>SGX_ATTR_UNPRIV_MASK: the attributes that need no leave. AEX-Notify came with Linux 6.2.</summary>
    public AttributeFlags UnprivilegedAttributes { get; private init; } = FirstAttributes;

    /// <summary>The rules of a generation.</summary>
    public static GenerationRules Of(Generation generation) => generation switch
    {
        Generation.Isgx => ByMapping with { AddsPagesOnFault = true, SignalsAddedPages = true },
        Generation.V16 => ByMapping with { KillsOnFailedAdd = true },
        Generation.RfcEnclu => ByMapping with { KillsOnFailedAdd = true, NeedsEncluHandler = true },
        Generation.V5_11 => Sgx1,
        Generation.EdmmV1 or Generation.EdmmV2 => EdmmFollowing with
        {
            MaximumOfAddedPages = ReadWrite,
            RunProtectionOfAddedPages = ReadWrite,
            TracksPermissions = true,
            HasExecuteDirtyKey = true,
        },
        Generation.EdmmAugment => EdmmFollowing with { Populates = true, HasExecuteDirtyKey = true },
        Generation.EdmmV3 => Edmm with { RestrictsToReadableOnly = true, HasExecuteDirtyKey = true },
        Generation.V6_0 => Edmm with { UnprivilegedAttributes = FirstAttributes | AttributeFlags.AexNotify },
        _ => throw new ArgumentOutOfRangeException(nameof(generation)),
    };
}
