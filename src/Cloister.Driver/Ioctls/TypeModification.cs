using Cloister.Architecture;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls;

/// <summary>An ioctl that makes pages into TCS or TRIM: what MODIFY_TYPE, MODIFY_TYPES and PAGE_MODT share.</summary>
/// <typeparam name="T">The structure.</typeparam>
internal abstract class TypeModification<T>(IoctlCall call) : DynamicMemoryIoctl<T>(call)
    where T : unmanaged
{
    /// <summary>The new type.</summary>
    protected abstract PageType NewType { get; }

    /// <summary>The <c>result</c> field.</summary>
    protected abstract ref ulong LeafError { get; }

    // Linux, sgx_enclave_modify_types: asked after the other checks, so the structure is copied back.
    protected sealed override DriverError Prepare() =>
        NewType is PageType.Tcs or PageType.Trim ? DriverError.None : Refuse(DriverError.EINVAL, IoctlRule.NewType, (ulong)NewType);

    /// <inheritdoc/>
    protected sealed override DriverError HandlePage(ulong pageNumber, ref EnclavePage page)
    {
        // SDM 3D, EMODT: a regular page becomes either, a TCS can only be trimmed.
        bool isAllowed = page.Type == PageType.Reg || (page.Type == PageType.Tcs && NewType == PageType.Trim);
        if (!isAllowed)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.PageType, (ulong)page.Type, (ulong)NewType);
        }

        var (maximum, run) = (page.MaximumProtection, page.RunProtection);
        if (page.Type == PageType.Reg && NewType == PageType.Tcs)
        {
            // Linux, sgx_enclave_modify_types: the processor reads and writes a TCS, which the page was not vetted for
            // unless it was built with both.
            const Protection ReadWrite = Protection.Read | Protection.Write;
            if ((maximum & ReadWrite) != ReadWrite)
            {
                return Refuse(DriverError.EPERM, IoctlRule.WithinMaximum, (ulong)ReadWrite, (ulong)maximum);
            }

            page.MaximumProtection = ReadWrite;
            page.RunProtection = ReadWrite;
            Enclave.Zap(pageNumber);

            // It cannot be reclaimed while encl->lock is let go, and comes back as the last that will be.
            if (Services.State.Pool.TryUnmarkReclaimable(page.Epc))
            {
                Services.State.Pool.MarkReclaimable(page.Epc, Enclave.Number, pageNumber);
            }
        }

        var secinfo = new Secinfo(NewType, SecinfoFlags.None);
        var error = ErrnoOf(Emodt.Execute(Services.Machine, page.Epc, in secinfo), ref LeafError);
        if (error != DriverError.None)
        {
            (page.MaximumProtection, page.RunProtection) = (maximum, run);
            return error;
        }

        error = Services.Memory.Track(Enclave);
        if (error == DriverError.None)
        {
            page.Type = NewType;
        }

        return error;
    }
}
