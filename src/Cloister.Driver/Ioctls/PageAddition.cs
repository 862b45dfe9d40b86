using Cloister.Architecture;
using Cloister.Driver.Services;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls;

/// <summary>Adds one page to an enclave that is being built (sgx_encl_add_page).</summary>
internal readonly struct PageAddition(DriverServices services, SgxEnclave enclave, ICaller caller, ISignals signals, SourcePages sources)
{
    /// <summary>EADD and, when asked for, the 16 EEXTENDs of the page.</summary>
    /// <param name="source">Linear address of the source page.</param>
    /// <param name="offset">Bytes from the enclave's base.</param>
    /// <param name="secinfo">Type and permissions, checked.</param>
    /// <param name="measure">Whether the contents are measured.</param>
    /// <param name="following">How many pages in a row will be added, this one included.</param>
    public DriverError Add(ulong source, ulong offset, in Secinfo secinfo, bool measure, int following)
    {
        var error = services.Epc.Allocate(reclaim: true, signals, out var page);
        if (error != DriverError.None)
        {
            return error;
        }

        error = services.Memory.Grow(enclave, reclaim: true, signals, out bool added);
        if (error != DriverError.None)
        {
            services.Epc.Free(page, EpcPage.None);
            return error;
        }

        ulong pageNumber = (enclave.Base + offset).Value >> 12;
        var record = EnclavePage.NotAnywhere with
        {
            EpcIndex = page.Index,
            Type = secinfo.PageType,
            MaximumProtection = SecinfoValidation.MaximumProtection(in secinfo),
            RunProtection = SecinfoValidation.MaximumProtection(in secinfo),
        };

        // Linux, sgx_encl_add_page: the record comes before EADD, which cannot be undone in the measurement.
        if (!enclave.Pages.TryAdd(pageNumber, in record))
        {
            services.Memory.Shrink(enclave, added);
            services.Epc.Free(page, EpcPage.None);
            return services.State.Refuse(DriverError.EBUSY, IoctlRule.PageFree, offset);
        }

        enclave.Storage.Place(page, offset);
        error = Build(source, offset, in secinfo, measure, page, following);
        if (error != DriverError.None)
        {
            enclave.Pages.Remove(pageNumber);
            services.Memory.Shrink(enclave, added);
            services.Epc.Free(page, enclave.SecsPage);
            enclave.Storage.Remove(page, offset);
            return error;
        }

        enclave.ResidentPageCount++;
        services.State.Pool.MarkReclaimable(page, enclave.Number, pageNumber);
        services.State.Counters.Adds++;
        return DriverError.None;
    }

    private DriverError Build(ulong source, ulong offset, in Secinfo secinfo, bool measure, EpcPage page, int following)
    {
        // Linux, __sgx_encl_add_page: what must not be executed where it lies must not be in an enclave.
        if (!caller.SourceIsMapped(source))
        {
            return services.State.Refuse(DriverError.EFAULT, IoctlRule.SourceMapped, source);
        }

        if (!caller.SourceMayExecute(source))
        {
            return services.State.Refuse(DriverError.EACCES, IoctlRule.SourceMayExecute, source);
        }

        if (!sources.TryCopy(source, offset, following, out var contents))
        {
            return services.State.Refuse(DriverError.EFAULT, IoctlRule.SourceReadable, source);
        }

        var result = Eadd.Execute(services.Machine, enclave.Secs.Epc, enclave.Base + offset, in secinfo, contents, page);
        if (result.IsSuccess && measure)
        {
            result = Eextend.ExecutePage(services.Machine, page);
        }

        return result.IsSuccess ? DriverError.None : services.State.Refuse(DriverError.EIO, IoctlRule.LeafSucceeds, offset);
    }
}
