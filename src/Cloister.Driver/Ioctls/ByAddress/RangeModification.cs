using Cloister.Architecture;
using Cloister.Driver.Uapi;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>
/// EMODPR or EMODT of a range in the out-of-tree driver (modify_range): what EMODPR, MKTCS and TRIM share. The driver
/// works on 16 pages at a time; here it is one, which nobody can tell.
/// </summary>
/// <typeparam name="T">The structure.</typeparam>
internal abstract class RangeModification<T>(IoctlCall call) : AddressRangeIoctl<T>(call)
    where T : unmanaged
{
    /// <summary>The SECINFO for the leaf: permissions for EMODPR, a type for EMODT.</summary>
    protected abstract Secinfo Secinfo { get; }

    /// <summary>Whether it is EMODT.</summary>
    protected abstract bool ChangesType { get; }

    /// <summary>The checks of modify_range.</summary>
    protected long? BeginRange(in SgxRange range)
    {
        if (!Services.Machine.Options.Sgx2)
        {
            return -(long)Refuse(DriverError.ENOSYS, IoctlRule.Sgx2);
        }

        if ((range.StartAddr & (LinearAddress.PageSize - 1)) != 0 || range.NrPages == 0)
        {
            return -(long)(range.NrPages == 0 ? Refuse(DriverError.EINVAL, IoctlRule.RangeInEnclave)
                : Refuse(DriverError.EINVAL, IoctlRule.AddressAligned, range.StartAddr));
        }

        long result = Find(range.StartAddr);
        if (result != 0)
        {
            return result;
        }

        if (!IsRange(range.StartAddr, (ulong)range.NrPages * LinearAddress.PageSize))
        {
            return -(long)DriverError.EINVAL;
        }

        SetRange(range.StartAddr >> 12, range.NrPages);
        return null;
    }

    /// <inheritdoc/>
    protected sealed override long HandlePage(ulong pageNumber)
    {
        var enclave = Target!;
        var error = Load(pageNumber);
        if (error != DriverError.None)
        {
            return -(long)error;
        }

        ref var page = ref enclave.Pages.TryGet(pageNumber, out _);
        if (!ChangesType && page.Type == PageType.Tcs)
        {
            return -(long)Refuse(DriverError.EINVAL, IoctlRule.PageType, (ulong)page.Type, (ulong)PageType.Reg);
        }

        var secinfo = Secinfo;
        var result = ChangesType
            ? Emodt.Execute(Services.Machine, page.Epc, in secinfo)
            : Emodpr.Execute(Services.Machine, page.Epc, in secinfo);
        if (result.IsSuccess && ChangesType)
        {
            page.Type = secinfo.PageType;
        }

        error = Services.Memory.Track(enclave);
        return result.IsSuccess ? -(long)error : ResultOf(result);
    }
}
