using Cloister.Architecture;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls;

/// <summary>An ioctl that takes EPCM permissions away: what RESTRICT_PERMISSIONS of V2, V3 and v6.0 and PAGE_MODP share.</summary>
/// <typeparam name="T">The structure.</typeparam>
internal abstract class PermissionRestriction<T>(IoctlCall call) : DynamicMemoryIoctl<T>(call)
    where T : unmanaged
{
    /// <summary>The permissions to keep, checked.</summary>
    protected abstract SecinfoFlags Permissions { get; }

    /// <summary>The <c>result</c> field.</summary>
    protected abstract ref ulong LeafError { get; }

    /// <inheritdoc/>
    protected sealed override DriverError HandlePage(ulong pageNumber, ref EnclavePage page)
    {
        // Linux, sgx_enclave_restrict_permissions: EMODPR of another type would fault.
        if (page.Type != PageType.Reg)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.PageType, (ulong)page.Type, (ulong)PageType.Reg);
        }

        var before = page.RunProtection;
        if (Services.State.Rules.ChecksMaximumOnRestrict)
        {
            // V2 16/32: never beyond what the page was vetted for. The tables follow before EMODPR.
            var wanted = (Protection)Permissions;
            if ((wanted & ~page.MaximumProtection) != 0)
            {
                return Refuse(DriverError.EPERM, IoctlRule.WithinMaximum, (ulong)wanted, (ulong)page.MaximumProtection);
            }

            page.RunProtection = Services.State.Rules.TracksPermissions ? wanted : before;
            Enclave.Zap(pageNumber);
        }

        var secinfo = new Secinfo(Permissions);
        var error = ErrnoOf(Emodpr.Execute(Services.Machine, page.Epc, in secinfo), ref LeafError);
        if (error != DriverError.None)
        {
            page.RunProtection = before;
            return error;
        }

        return Services.Memory.Track(Enclave);
    }
}
