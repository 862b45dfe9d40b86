namespace Cloister.Driver;

/// <summary>What can be made to go wrong.</summary>
public enum InjectedKind
{
    /// <summary>An ioctl returns an error before it does anything; nothing is copied back.</summary>
    Ioctl,

    /// <summary>
    /// Two threads fault on the same new page, and this is the one that comes second: the page is added, and the thread gets SIGBUS.
    /// arch/x86/kernel/cpu/sgx/encl.c, sgx_encl_eaug_page: xa_insert gives -EBUSY, and the result stays VM_FAULT_SIGBUS. Every release
    /// since 6.0 as far as 6.12; docs/explanation/kernel-races.md, 1.
    /// </summary>
    AugmentRace,

    /// <summary>A page that is loaded takes longer: as where it lies on a disk, or others have the processor.</summary>
    SlowLoad,

    /// <summary>
    /// Before a page fault is answered, a batch of pages is written out, as ksgxd does at any time. main.c, sgx_reclaim_pages: 16.
    /// </summary>
    Eviction,

    /// <summary>A page is written out at a moment, as ksgxd may do at any.</summary>
    PageEviction,

    /// <summary>At a moment the EPC is another size to this machine: others take pages, or give them back.</summary>
    EpcSize,

    /// <summary>
    /// A bit of a page that was written out is another when it is loaded: the page's MAC is wrong, and it is lost. SDM 3D, ELDU.
    /// </summary>
    FlippedBit,

    /// <summary>A leaf gives an error code: the processor's.</summary>
    Leaf,
}
