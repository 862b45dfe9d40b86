using Cloister.Architecture;
using Cloister.Driver.Pages;

namespace Cloister.Driver;

/// <summary>One open file of /dev/sgx_enclave and the enclave built through it (struct sgx_encl).</summary>
public sealed class SgxEnclave : IOpenEnclave
{
    internal SgxEnclave(int number, IEnclaveStorage storage, IEnclaveBacking backing)
    {
        Number = number;
        Storage = storage;
        Backing = backing;
    }

    /// <summary>Where the enclave's pages live.</summary>
    public IEnclaveStorage Storage { get; }

    /// <summary>Whether ECREATE was done (SGX_ENCL_CREATED).</summary>
    public bool IsCreated { get; internal set; }

    /// <summary>Whether EINIT was done (SGX_ENCL_INITIALIZED).</summary>
    public bool IsInitialized { get; internal set; }

    /// <summary>Whether the enclave can be debugged (SGX_ENCL_DEBUG).</summary>
    public bool IsDebug { get; internal set; }

    /// <summary>Whether the file is closed and everything given back.</summary>
    public bool IsReleased { get; internal set; }

    /// <summary>SECS.EID, which tells it apart for as long as the machine runs; 0 before CREATE.</summary>
    public ulong Eid { get; internal set; }

    /// <summary>Start of the enclave's linear range (SECS.BASEADDR).</summary>
    public LinearAddress Base { get; internal set; }

    /// <summary>Bytes of the enclave's linear range (SECS.SIZE), 0 before CREATE.</summary>
    public ulong Size { get; internal set; }

    /// <summary>ATTRIBUTES the enclave was created with.</summary>
    public AttributeFlags Attributes { get; internal set; }

    /// <summary>Attributes it may be initialised with; PROVISION adds to them.</summary>
    public AttributeFlags AllowedAttributes { get; internal set; }

    /// <summary>EPC page of the SECS, or none before CREATE and while the SECS is written out.</summary>
    public EpcPage SecsPage => Secs.IsResident ? Secs.Epc : EpcPage.None;

    /// <summary>Enclave pages, in the EPC and written out, without SECS and version arrays.</summary>
    public int PageCount => Pages.Count;

    /// <summary>Enclave pages in the EPC now (secs_child_cnt).</summary>
    public int ResidentPageCount { get; internal set; }

    /// <summary>Number by which the pool of EPC pages knows it.</summary>
    internal int Number { get; }

    /// <summary>The SECS, which is written out last and has no place in <see cref="Pages"/>.</summary>
    internal EnclavePage Secs = EnclavePage.NotAnywhere;

    /// <summary>Its pages by linear page number.</summary>
    internal PageArray<EnclavePage> Pages { get; } = new();

    /// <summary>ENCLAVEHASH of the SIGSTRUCT it was initialised with: its MRENCLAVE.</summary>
    internal byte[] Mrenclave { get; set; } = [];

    /// <summary>SHA-256 of the modulus of its signer: its MRSIGNER.</summary>
    internal byte[] Mrsigner { get; set; } = [];

    /// <summary>The SIGSTRUCT it was initialised with; empty before INIT. The kernel keeps none.</summary>
    public ReadOnlyMemory<byte> Sigstruct { get; internal set; }

    /// <summary>SECS.MRENCLAVE and SECS.MRSIGNER; empty before INIT.</summary>
    public (ReadOnlyMemory<byte> Enclave, ReadOnlyMemory<byte> Signer) Identity => IsInitialized ? (Mrenclave, Mrsigner) : default;

    /// <summary>Its version array pages.</summary>
    internal VersionArrays Versions { get; } = new();

    /// <summary>The address spaces that have it mapped (mm_list).</summary>
    internal List<IAddressSpace> AddressSpaces { get; } = [];

    /// <summary>The mapping it belongs to, in the generations where it does.</summary>
    internal MappedRange? Mapping { get; set; }

    /// <summary>Whether it can no longer be built or entered (SGX_ENCL_DEAD).</summary>
    public bool IsDead { get; internal set; }

    /// <summary>Whether the machine lost power under it (SGX_ENCL_SUSPEND).</summary>
    public bool IsSuspended { get; internal set; }

    /// <summary>Parts of the mapping that were unmapped.</summary>
    internal List<MappedRange> Holes { get; } = [];

    /// <summary>Where its pages are written out to, and wait to be added.</summary>
    internal IEnclaveBacking Backing { get; set; }

    /// <summary>Whether it is killed where a page of it would be written out.</summary>
    internal bool DiesOnReclaim { get; set; }

    /// <summary>Pages queued for the worker thread.</summary>
    internal Queue<AddRequest> AddRequests { get; } = [];

    /// <summary>The ioctl under way (SGX_ENCL_IOCTL).</summary>
    internal IoctlOperation? Operation { get; set; }

    /// <summary>Removes the page-table entries of pages in a row everywhere (sgx_zap_enclave_ptes).</summary>
    internal void Zap(ulong pageNumber, int count = 1)
    {
        foreach (var addressSpace in AddressSpaces)
        {
            addressSpace.Zap(new LinearAddress(pageNumber << 12), (ulong)count * LinearAddress.PageSize);
        }
    }

    /// <summary>Number of a page in its backing.</summary>
    internal ulong IndexOf(ulong pageNumber) => OffsetOf(pageNumber) >> 12;

    /// <summary>Offset in the file of a page, in bytes.</summary>
    internal ulong OffsetOf(ulong pageNumber) => new LinearAddress(pageNumber << 12) - Base;
}
