namespace Cloister.Driver;

/// <summary>The checks by which ioctls refuse.</summary>
public enum IoctlRule
{
    /// <summary>Not told.</summary>
    None,

    /// <summary>The ioctl is not to fail by order.</summary>
    NotInjected,

    /// <summary>No other ioctl runs on the same file.</summary>
    OneAtATime,

    /// <summary>The command is one of this interface.</summary>
    KnownCommand,

    /// <summary>The argument can be read and written.</summary>
    ArgumentAccessible,

    /// <summary>The enclave is not created yet.</summary>
    NotCreatedYet,

    /// <summary>The enclave is created.</summary>
    Created,

    /// <summary>The enclave is not initialized yet.</summary>
    NotInitializedYet,

    /// <summary>The enclave is initialized.</summary>
    Initialized,

    /// <summary>What the argument points to can be read.</summary>
    OperandReadable,

    /// <summary>SECS.SIZE is a power of two.</summary>
    SizePowerOfTwo,

    /// <summary>ECREATE takes the SECS.</summary>
    SecsLegal,

    /// <summary>The source is page aligned.</summary>
    SourceAligned,

    /// <summary>Offset and length are whole pages in the enclave, and not nothing.</summary>
    RangeInEnclave,

    /// <summary>The page type in the SECINFO is PT_REG or PT_TCS.</summary>
    SecinfoType,

    /// <summary>No W without R.</summary>
    WriteNeedsRead,

    /// <summary>A TCS has no permissions.</summary>
    TcsWithoutPermissions,

    /// <summary>Reserved bits and bytes of the SECINFO are 0.</summary>
    SecinfoReserved,

    /// <summary>The source page is mapped.</summary>
    SourceMapped,

    /// <summary>The source page's mapping may be executed.</summary>
    SourceMayExecute,

    /// <summary>The source page can be read.</summary>
    SourceReadable,

    /// <summary>No page is there yet.</summary>
    PageFree,

    /// <summary>A page is there.</summary>
    PageThere,

    /// <summary>There is room in the EPC, or something to evict.</summary>
    EpcRoom,

    /// <summary>No signal waits for the thread.</summary>
    NoSignal,

    /// <summary>The leaf that the driver executes takes what it is given.</summary>
    LeafSucceeds,

    /// <summary>The processor has SGX2.</summary>
    Sgx2,

    /// <summary>The fields that come back are 0 in the argument.</summary>
    ResultsZero,

    /// <summary>Permissions are R, W and X only.</summary>
    PermissionBits,

    /// <summary>The permissions are within those that the page was built with.</summary>
    WithinMaximum,

    /// <summary>The new type is PT_TCS or PT_TRIM.</summary>
    NewType,

    /// <summary>The page is of a type that can be changed so.</summary>
    PageType,

    /// <summary>The page was trimmed.</summary>
    Trimmed,

    /// <summary>The enclave has accepted the trimming.</summary>
    TrimAccepted,

    /// <summary>The descriptor is one of /dev/sgx_provision.</summary>
    ProvisionFile,

    /// <summary>The SIGSTRUCT and the enclave go together.</summary>
    SigstructFits,

    /// <summary>R is among the permissions.</summary>
    Readable,

    /// <summary>The argument is 0.</summary>
    ArgumentZero,

    /// <summary>The file that pages are written out to is no longer than files can be.</summary>
    SizeBacked,

    /// <summary>The operation is one of those there are.</summary>
    KnownOperation,

    /// <summary>The address is page aligned.</summary>
    AddressAligned,

    /// <summary>The address lies in a mapping of the device.</summary>
    AddressMapped,

    /// <summary>One mapping is the enclave's range, and has no enclave yet.</summary>
    MappingIsRange,

    /// <summary>The machine has not lost power since CREATE.</summary>
    PowerKept,

    /// <summary>The enclave was not killed.</summary>
    Alive,

    /// <summary>The TCS is legal.</summary>
    TcsLegal,

    /// <summary>The buffers for evicted pages are aligned and the program's.</summary>
    BackingFits,

    /// <summary>The buffer for evicted pages can be written.</summary>
    BackingWritable,

    /// <summary>An ENCLU exception handler is registered.</summary>
    HandlerRegistered,

    /// <summary>ENCLU and its handler are at different addresses.</summary>
    HandlerApart,

    /// <summary>The SIGSTRUCT is no launch enclave's.</summary>
    NoLaunchEnclave,
}
