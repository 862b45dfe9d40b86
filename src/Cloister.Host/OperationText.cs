using Cloister.Architecture;
using Cloister.Linux;

namespace Cloister.Host;

/// <summary>
/// What an error number of the driver means and what to do. Source: Linux 6.12, arch/x86/kernel/cpu/sgx/ioctl.c and encl.c.
/// </summary>
internal static class OperationText
{
    public static string Describe(string operation, Errno errno, ulong sgxError, string? because)
    {
        string meaning = because ?? Meaning(operation, errno);
        string leaf = sgxError == 0 ? "" : $" (the leaf's error code: {sgxError}, {(SgxError)sgxError})";
        return $"{operation}: {errno}{leaf}{(meaning.Length == 0 ? "" : ": " + meaning)}";
    }

    private static string Meaning(string operation, Errno errno) => (operation, errno) switch
    {
        (Operations.Augment, Errno.ENOTTY) =>
            "the ioctl is of an RFC of March 2022, which Linux never took; `cloister run --uapi edmm-augment` has it",
        (_, Errno.ENOTTY) => "this kernel's driver has no such ioctl (SGX2 came with Linux 6.0)",
        (_, Errno.ENODEV) => "this processor has no SGX2",
        (_, Errno.ENOMEM) => "no EPC page, or no memory, is left: close other enclaves or take a larger EPC",
        (Operations.Create, Errno.EINVAL) => "the enclave's size is no power of two, or this open file has an enclave already",
        (Operations.Create, Errno.EIO) =>
            "ECREATE refused the SECS: its size is beyond what the machine can do, or it has not these attributes, XFRM or MISCSELECT, or a state save area frame is too small for them",
        (Operations.AddPages, Errno.EIO) =>
            "EADD or EEXTEND faulted: a page is none that EADD takes (a TCS with reserved bits set, an address outside), or power was lost meanwhile; the enclave is spoilt, build it anew",
        (Operations.AddPages, Errno.EINVAL) =>
            "an unaligned or repeated offset, one beyond the enclave, or a SECINFO the driver does not take",
        (Operations.AddPages, Errno.EACCES) => "the pages' source is mapped from a file system without exec",
        (Operations.Init, Errno.EPERM) => "EINIT refused the SIGSTRUCT: its measurement, attributes or signature is not this enclave's",
        (Operations.Init, Errno.EACCES) =>
            "the SIGSTRUCT asks for attributes this process may not have, or this machine has not; the provisioning key needs /dev/sgx_provision",
        (Operations.Map, Errno.EACCES) => "more access than the pages were added with, or outside the enclave",
        (Operations.Modify or Operations.Restrict or Operations.Remove, Errno.EFAULT) =>
            "there is no such page, or the leaf refused it; after a loss of power no page is there (entering then throws EnclaveLostException): build the enclave anew",
        (Operations.Modify or Operations.Restrict or Operations.Remove, Errno.EAGAIN) => "a page is being evicted or loaded: try again",
        (Operations.Modify, Errno.EPERM) => "only a page that may be read and written, and not executed, can become a TCS",
        (Operations.Remove, Errno.EPERM) => "a page is not trimmed, or the enclave has not accepted that yet (EACCEPT)",
        (_, Errno.EBUSY) => "a page is in use: try again",
        (_, Errno.EINVAL) => "an unaligned or empty range, one beyond the enclave, or a value the driver does not take",
        _ => "",
    };
}

/// <summary>Operations in the kernel's words.</summary>
internal static class Operations
{
    public const string Create = "SGX_IOC_ENCLAVE_CREATE";
    public const string AddPages = "SGX_IOC_ENCLAVE_ADD_PAGES";
    public const string Init = "SGX_IOC_ENCLAVE_INIT";
    public const string Provision = "SGX_IOC_ENCLAVE_PROVISION";
    public const string Restrict = "SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS";
    public const string Modify = "SGX_IOC_ENCLAVE_MODIFY_TYPES";
    public const string Remove = "SGX_IOC_ENCLAVE_REMOVE_PAGES";
    public const string Augment = "SGX_IOC_ENCLAVE_AUGMENT_PAGES";
    public const string Map = "mmap";
    public const string Protect = "mprotect";
    public const string Unmap = "munmap";
}
