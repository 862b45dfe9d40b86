namespace Cloister.Driver;

/// <summary>What a page fault on a mapping of the device came to (vm_fault_t in include/linux/mm_types.h).</summary>
public enum VmFault
{
    /// <summary>VM_FAULT_NOPAGE: the page is installed, or it was busy; either way the access is made again.</summary>
    NoPage,

    /// <summary>VM_FAULT_SIGBUS: there is no page and there will be none.</summary>
    Sigbus,

    /// <summary>VM_FAULT_OOM: no memory to keep the books.</summary>
    Oom,
}
