using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Services;

namespace Cloister.Driver.Ioctls;

/// <summary>An ioctl on an open file of the enclave device.</summary>
internal abstract class EnclaveIoctl(IoctlCall call) : IoctlOperation, ISignals
{
    /// <inheritdoc/>
    public bool SignalPending => Interrupted || call.Caller.SignalPending;

    protected DriverServices Services => call.Services;

    protected SgxEnclave Enclave { get; } =
        call.Enclave ?? throw new ArgumentException("The call is not on an enclave.", nameof(call));

    protected ICaller Caller => call.Caller;

    protected ulong Argument => call.Argument;

    /// <summary>An error, by a rule.</summary>
    protected DriverError Refuse(DriverError error, IoctlRule rule, ulong found = 0, ulong expected = 0) =>
        Services.State.Refuse(error, rule, found, expected);

    /// <summary>copy_from_user of the argument.</summary>
    protected bool TryCopyParameters<T>(ref T parameters)
        where T : unmanaged => TryCopyFromUser(call.Argument, ref parameters);

    /// <summary>copy_from_user of a structure.</summary>
    protected bool TryCopyFromUser<T>(ulong address, ref T structure)
        where T : unmanaged =>
        call.Caller.CopyFromUser(address, MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref structure, 1)));

    /// <summary>copy_to_user of the argument.</summary>
    protected bool TryCopyBack<T>(ref T parameters)
        where T : unmanaged =>
        call.Caller.CopyToUser(call.Argument, MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref parameters, 1)));

    /// <summary>sgx_validate_offset_length.</summary>
    protected DriverError ValidateOffsetLength(ulong offset, ulong length)
    {
        const ulong PageMask = LinearAddress.PageSize - 1;
        bool valid = (offset & PageMask) == 0
            && length != 0
            && (length & PageMask) == 0
            && offset + length >= offset
            && offset + length - (PageMask + 1) < Enclave.Size;
        return valid ? DriverError.None : Refuse(DriverError.EINVAL, IoctlRule.RangeInEnclave, offset + length, Enclave.Size);
    }

    /// <inheritdoc/>
    protected override void OnDone()
    {
        if (ReferenceEquals(Enclave.Operation, this))
        {
            Enclave.Operation = null;
        }
    }
}
