using Cloister.Architecture;
using Cloister.Driver;

namespace Cloister.Cli.Explaining;

/// <summary>Why ioctls fail, by name and errno, and the checks that refuse them.</summary>
internal static class IoctlCases
{
    private const string Memory =
        "the argument, or what it points to, is not mapped, or only for reading where results come back; a pointer that was freed or never set";
    private const string NotNow =
        "another thread's ioctl on the same file is not done; one enclave is built and changed by one thread at a time";
    private const string Strange =
        "a runtime for another driver: the numbers differ between generations of the interface; `--uapi` chooses one";
    private const string Room = "the EPC is full of pages that cannot be evicted; a larger --epc, or fewer enclaves at once";
    private const string Range = "offset or length is no multiple of 4096, length is 0, or the range ends behind the enclave";
    private const string Again = "the driver could not get the page into the EPC now; call again";
    private const string Sgx1 = "the processor has no SGX2 (--no-sgx2, or a --cpu without it)";
    private const string OldSgx1 = "the processor has no SGX2 (--no-sgx2, or a --cpu without it), as the out-of-tree driver says it";
    private const string Nobody = "no enclave is at the address yet: CREATE comes first";
    private const string BadSecinfo =
        "a SECINFO of a type other than PT_REG and PT_TCS, with W and not R, a TCS with permissions, or anything in what is reserved";
    private const string Twice = "the page was added before: two segments of the enclave's file share it, or a loop adds it twice";
    private const string Unaccepted = "one that is pending or modified has to be accepted first (EACCEPT)";
    private const string Lost = "the machine lost power, or the page was written out and does not come back as it was";
    private const string NoRange =
        "an address that is not aligned or not in a mapping of the device, no pages, or more than the enclave has behind it";
    private const string Later = "the enclave is not initialized yet: EINIT comes first";

    private static readonly string[] s_createNames = ["SGX_IOC_ENCLAVE_CREATE", "SGX_IOC_ENCLAVE_CREATE_BACKED",
        "SGX_IOC_ENCLAVE_CREATE_SEPARATELY_BACKED"];
    private static readonly string[] s_permissionNames = ["SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS", "SGX_IOC_PAGE_MODP"];
    private static readonly string[] s_typeNames = ["SGX_IOC_ENCLAVE_MODIFY_TYPES", "SGX_IOC_ENCLAVE_MODIFY_TYPE", "SGX_IOC_PAGE_MODT"];
    private static readonly string[] s_oldRangeNames = ["SGX_IOC_ENCLAVE_EMODPR", "SGX_IOC_ENCLAVE_MKTCS", "SGX_IOC_ENCLAVE_TRIM"];
    private static readonly string[] s_removeNames = ["SGX_IOC_ENCLAVE_REMOVE_PAGES", "SGX_IOC_PAGE_REMOVE"];

    /// <summary>What the drivers before v20 return after a loss of power (arch/x86/include/uapi/asm/sgx.h of 2018).</summary>
    public const string PowerLost = "SGX_POWER_LOST_ENCLAVE";

    /// <summary>What they return when EINIT and its like give a code: that.</summary>
    public const string LeafError = "an error code of a leaf";

    /// <summary>What they return when something cannot be copied in: how much of it.</summary>
    public const string Uncopied = "bytes not copied";

    /// <summary>The cases.</summary>
    public static IReadOnlyList<ExplainedCase> All { get; } =
    [
        new("any ioctl", "ENOTTY", Strange),
        new("any ioctl", "EBUSY", NotNow),
        new("any ioctl", "EFAULT", Memory),
        new("any ioctl", "ENOMEM", Room),
        new("any ioctl", "EIO", "a leaf that the driver executed faulted: the machine lost power, or a page that it needs is gone"),
        new("any ioctl", "ENOENT", Nobody),
        new("any ioctl", PowerLost, "the machine lost power since CREATE: the enclave has to be built again"),
        new("any ioctl", LeafError,
            "the drivers before v20 return it as it is, above zero: a runtime that only looks for -1 takes it for success"),
        new("any ioctl", Uncopied, $"the drivers before v20 return how many, above zero; {Memory}"),
        new("SGX_IOC_ENCLAVE_CREATE", "EIO",
            "ECREATE refused the SECS: BASEADDR and SIZE, ATTRIBUTES and XFRM, MISCSELECT, SSAFRAMESIZE, or a reserved field that is not 0"),
        .. s_createNames.SelectMany(name => (ExplainedCase[])
        [
            new(name, "EINVAL",
                "a second CREATE on one file, or a SIZE that is no power of two; before v20 also whatever else ECREATE does not take, a mapping that is not just the enclave's range, and buffers for evicted pages that are not aligned"),
            new(name, "EFAULT", $"{Memory}; before v20 also a SECS that ECREATE refused, and in the RFC no ENCLU exception handler"),
            new(name, "ENOMEM", Room),
        ]),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EINVAL",
            $"before CREATE or after INIT; {Range}; a source that is not page aligned; {BadSecinfo}"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EBUSY", Twice),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EACCES",
            "the source lies on a file system mounted noexec, as /dev/shm and /tmp may be: what must not be executed there must not be in an enclave"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EIO",
            "EADD or EEXTEND faulted, mostly for a TCS with a reserved field or an offset that is not right"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EFAULT", Memory),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "ENOMEM", Room),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "EINVAL",
            $"after INIT; an address that is not aligned or not in a mapping of the device; a TCS that is not legal; {BadSecinfo}"),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "EEXIST", Twice),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "EFAULT", $"{Memory}; the buffer for evicted pages cannot be written"),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "ENOMEM", Room),
        new("SGX_IOC_ENCLAVE_INIT", "EPERM",
            "EINIT refused: another page, attribute or key than was signed; `cloister verify FILE` checks a file, `cloister diff A B` compares two, `--against FILE` names the first page that differs; under gdb, a breakpoint that stands in what the enclave is built from"),
        new("SGX_IOC_ENCLAVE_INIT", "EINVAL",
            "before CREATE, a second time, or a SIGSTRUCT that demands attributes, XFRM or MISCSELECT that the machine or the kernel have not; in the tree of 2018 a launch enclave's"),
        new("SGX_IOC_ENCLAVE_INIT", "EACCES",
            "the enclave has PROVISIONKEY and its file was not allowed it: SGX_IOC_ENCLAVE_PROVISION with a descriptor of /dev/sgx_provision comes first"),
        new("SGX_IOC_ENCLAVE_INIT", "EIO", "EINIT faulted: the machine lost power since CREATE"),
        new("SGX_IOC_ENCLAVE_INIT", "EFAULT", $"{Memory}; before v20 also a page that was queued and could not be added"),
        new("SGX_IOC_ENCLAVE_PROVISION", "EINVAL", "the descriptor is none of /dev/sgx_provision: it is closed, or of another file"),
        new("SGX_IOC_ENCLAVE_PROVISION", "EFAULT", Memory),
        .. s_permissionNames.SelectMany(name => (ExplainedCase[])
        [
            new(name, "EINVAL",
                $"{Later}; {Range}; permissions with W and not R or bits that are none; result or count not 0; a page that is no PT_REG"),
            new(name, "EFAULT", $"no page is there, or EMODPR refused: {Unaccepted}; {Lost}; {Memory}"),
            new(name, "EPERM", "more than the page was built with"),
            new(name, "EAGAIN", Again),
            new(name, "ENODEV", Sgx1),
        ]),
        new("SGX_IOC_ENCLAVE_RELAX_PERMISSIONS", "EPERM", "more than the page was built with"),
        new("SGX_IOC_ENCLAVE_RELAX_PERMISSIONS", "EINVAL", $"{Later}; {Range}; permissions that are none, or a page that is no PT_REG"),
        new("SGX_IOC_ENCLAVE_RELAX_PERMISSIONS", "EFAULT", $"no page is there; {Memory}"),
        new("SGX_IOC_ENCLAVE_RELAX_PERMISSIONS", "ENODEV", Sgx1),
        .. s_typeNames.SelectMany(name => (ExplainedCase[])
        [
            new(name, "EINVAL",
                $"{Later}; {Range}; a type other than PT_TCS and PT_TRIM; result or count not 0; a page whose type cannot become that"),
            new(name, "EFAULT", $"no page is there, or EMODT refused: {Unaccepted}; {Lost}; {Memory}"),
            new(name, "EPERM", "a page that was not built for reading and writing shall become a TCS"),
            new(name, "EAGAIN", Again),
            new(name, "ENODEV", Sgx1),
        ]),
        .. s_oldRangeNames.SelectMany(name => (ExplainedCase[])
        [
            new(name, "EINVAL",
                $"{NoRange}; permissions with W and not R or bits that are none; a TCS whose permissions shall change"),
            new(name, "EFAULT", $"{Later}; no page is there; {Lost}; {Memory}"),
            new(name, "ENOSYS", OldSgx1),
        ]),
        new("SGX_IOC_ENCLAVE_MODIFY_PAGES", "EINVAL", $"{Later}; {NoRange}; an operation that is none; {BadSecinfo}"),
        new("SGX_IOC_ENCLAVE_MODIFY_PAGES", "EFAULT", $"no page is there, or a leaf faulted, which kills the enclave; {Lost}; {Memory}"),
        .. s_removeNames.SelectMany(name => (ExplainedCase[])
        [
            new(name, "EPERM", "the page is not trimmed (MODIFY_TYPES to PT_TRIM), or the enclave has not accepted that (EACCEPT)"),
            new(name, "EINVAL", $"{Later}; {Range}; count not 0"),
            new(name, "EFAULT",
                $"no page is there: it was never added, never touched, or removed before; before v20 also a page that is not trimmed and accepted; {Lost}; {Memory}"),
            new(name, "EAGAIN", Again),
            new(name, "ENODEV", Sgx1),
        ]),
        new("SGX_IOC_ENCLAVE_PAGE_REMOVE", "EINVAL", $"{NoRange}; no page is there: it was never added, never touched, or removed before"),
        new("SGX_IOC_ENCLAVE_PAGE_REMOVE", "ENOSYS", OldSgx1),
        new("SGX_IOC_ENCLAVE_NOTIFY_ACCEPT", "EINVAL", $"{NoRange}; a page is not there or not trimmed, and the others were removed"),
        new("SGX_IOC_ENCLAVE_NOTIFY_ACCEPT", "ENOSYS", OldSgx1),
        new("SGX_IOC_ENCLAVE_AUGMENT_PAGES", "EINVAL", $"{Later}; {Range}"),
        new("SGX_IOC_ENCLAVE_AUGMENT_PAGES", "EBUSY", $"a page is there already; {NotNow}"),
        new("SGX_IOC_ENCLU_REGISTER", "EINVAL", "the handler's address is that of the ENCLU instruction: both 0, or one given twice"),
        new("SGX_IOC_VEPC_REMOVE_ALL", "EINVAL", "the argument is not 0"),
        new("SGX_IOC_VEPC_REMOVE_ALL", "EBUSY", "a page of the virtual EPC is in use by a thread inside"),
    ];

    /// <summary>What usually causes an error of an ioctl.</summary>
    public static string? Causes(string name, string errno) =>
        All.FirstOrDefault(known => known.Of == name && known.Outcome == errno)?.Causes
        ?? All.FirstOrDefault(known => known.Of == "any ioctl" && known.Outcome == errno)?.Causes;

    /// <summary>A check, as it is told.</summary>
    public static string Text(IoctlRule rule) => rule switch
    {
        IoctlRule.None => "",
        IoctlRule.NotInjected => "it is not to fail by order (run --inject)",
        IoctlRule.OneAtATime => "no other ioctl runs on the same file",
        IoctlRule.KnownCommand => "the command is one of this interface",
        IoctlRule.ArgumentAccessible => "the argument can be read, and written where results come back",
        IoctlRule.NotCreatedYet => "the enclave is not created yet",
        IoctlRule.Created => "the enclave is created",
        IoctlRule.NotInitializedYet => "the enclave is not initialized yet",
        IoctlRule.Initialized => "the enclave is initialized",
        IoctlRule.OperandReadable => "what the argument points to can be read",
        IoctlRule.SizePowerOfTwo => "SECS.SIZE is a power of two",
        IoctlRule.SecsLegal => "ECREATE takes the SECS",
        IoctlRule.SourceAligned => "the source is page aligned",
        IoctlRule.RangeInEnclave => "offset and length are whole pages, not none, and end in the enclave",
        IoctlRule.SecinfoType => "the page type in the SECINFO is PT_REG or PT_TCS",
        IoctlRule.WriteNeedsRead => "no W without R",
        IoctlRule.TcsWithoutPermissions => "a TCS has no permissions",
        IoctlRule.SecinfoReserved => "reserved bits and bytes of the SECINFO are 0",
        IoctlRule.SourceMapped => "the source page is mapped",
        IoctlRule.SourceMayExecute => "the source page's mapping may be executed (its file system is not noexec)",
        IoctlRule.SourceReadable => "the source page can be read",
        IoctlRule.PageFree => "no page is at the offset yet",
        IoctlRule.PageThere => "a page is at the offset",
        IoctlRule.EpcRoom => "there is room in the EPC, or something to evict",
        IoctlRule.NoSignal => "no signal waits for the thread",
        IoctlRule.LeafSucceeds => "the leaf that the driver executes succeeds",
        IoctlRule.Sgx2 => "the processor has SGX2",
        IoctlRule.ResultsZero => "result and count are 0 in the argument",
        IoctlRule.PermissionBits => "permissions are R, W and X only",
        IoctlRule.WithinMaximum => "permissions are within those that the page was built with",
        IoctlRule.NewType => "the new type is PT_TCS or PT_TRIM",
        IoctlRule.PageType => "the page is of a type that can become that",
        IoctlRule.Trimmed => "the page is trimmed",
        IoctlRule.TrimAccepted => "the enclave has accepted the trimming (EACCEPT)",
        IoctlRule.ProvisionFile => "the descriptor is one of /dev/sgx_provision",
        IoctlRule.SigstructFits => "SIGSTRUCT, enclave, machine and kernel go together",
        IoctlRule.Readable => "R is among the permissions",
        IoctlRule.ArgumentZero => "the argument is 0",
        IoctlRule.SizeBacked => "SECS.SIZE leaves room for the file that pages are written out to",
        IoctlRule.KnownOperation => "the operation is 0 (permissions) or 1 (type)",
        IoctlRule.AddressAligned => "the address is page aligned",
        IoctlRule.AddressMapped => "the address lies in a mapping of the device",
        IoctlRule.MappingIsRange => "the enclave's range is one mapping of the device, without holes and without an enclave",
        IoctlRule.PowerKept => "the machine has kept its power since CREATE",
        IoctlRule.Alive => "the enclave lives: no page failed to be added, and no leaf refused a change",
        IoctlRule.TcsLegal => "the TCS has no flags, page offsets within the enclave, limits that end in fff, and 0 in what is reserved",
        IoctlRule.BackingFits => "the buffers for evicted pages are aligned, both there, and in the program's memory",
        IoctlRule.BackingWritable => "the buffer for evicted pages can be written",
        IoctlRule.HandlerRegistered => "an ENCLU exception handler is registered (SGX_IOC_ENCLU_REGISTER)",
        IoctlRule.HandlerApart => "ENCLU and its handler are at different addresses",
        IoctlRule.NoLaunchEnclave => "the SIGSTRUCT does not ask for EINITTOKEN_KEY",
        _ => throw new ArgumentOutOfRangeException(nameof(rule)),
    };

    /// <summary>The values on both sides; null where they say nothing.</summary>
    public static string? Values(in IoctlRefusal refusal) => refusal.Rule switch
    {
        IoctlRule.KnownCommand => $"0x{refusal.Found:x8}",
        IoctlRule.ArgumentAccessible or IoctlRule.OperandReadable or IoctlRule.SourceMapped or IoctlRule.SourceMayExecute
            or IoctlRule.SourceReadable or IoctlRule.SourceAligned => $"it is at 0x{refusal.Found:x}",
        IoctlRule.KnownOperation => $"it is {refusal.Found}",
        IoctlRule.RangeInEnclave when refusal.Expected == 0 => "the length is 0",
        IoctlRule.SizePowerOfTwo or IoctlRule.SizeBacked or IoctlRule.AddressAligned or IoctlRule.AddressMapped or IoctlRule.HandlerApart
            or IoctlRule.ArgumentZero or IoctlRule.Readable => $"it is 0x{refusal.Found:x}",
        IoctlRule.RangeInEnclave => $"it ends at 0x{refusal.Found:x}, the enclave's size is 0x{refusal.Expected:x}",
        IoctlRule.SecinfoType or IoctlRule.TcsWithoutPermissions or IoctlRule.SecinfoReserved => $"FLAGS is 0x{refusal.Found:x}",
        IoctlRule.WriteNeedsRead or IoctlRule.PermissionBits => $"it is 0x{refusal.Found:x}",
        IoctlRule.PageFree or IoctlRule.PageThere or IoctlRule.LeafSucceeds when refusal.Found != 0 => $"offset 0x{refusal.Found:x}",
        IoctlRule.ResultsZero => $"one is 0x{refusal.Found:x}",
        IoctlRule.WithinMaximum => $"0x{refusal.Found:x} is asked for, 0x{refusal.Expected:x} is the most",
        IoctlRule.NewType => $"it is {refusal.Found}",
        IoctlRule.PageType =>
            $"it is of type {MachineNames.Of((PageType)refusal.Found)}, and {MachineNames.Of((PageType)refusal.Expected)} is asked for",
        IoctlRule.Trimmed => $"the page at 0x{refusal.Found:x} is of type {MachineNames.Of((PageType)refusal.Expected)}",
        IoctlRule.TrimAccepted => $"the page at 0x{refusal.Found:x}",
        IoctlRule.ProvisionFile => $"it is {(int)refusal.Found}",
        _ => null,
    };
}
