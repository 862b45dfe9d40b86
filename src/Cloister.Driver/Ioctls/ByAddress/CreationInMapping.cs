using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Pages;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>CREATE of the drivers before v20: the enclave fills a mapping exactly (sgx_encl_create).</summary>
/// <typeparam name="T">The structure.</typeparam>
internal abstract class CreationInMapping<T>(IoctlCall call) : AddressIoctl<T>(call)
    where T : unmanaged
{
    /// <summary>Address of the SECS page.</summary>
    protected abstract ulong Source { get; }

    /// <summary>Whether the enclave is killed where its pages would be written out.</summary>
    protected virtual bool DiesOnReclaim => false;

    /// <summary>Where pages are written out to.</summary>
    /// <param name="size">Bytes of the enclave.</param>
    /// <param name="backing">The driver's own memory if it is not set.</param>
    protected virtual DriverError FindBacking(ulong size, ref IEnclaveBacking backing) => DriverError.None;

    protected sealed override long? Begin()
    {
        var source = Services.State.ScratchPage;
        long uncopied = CopyFromUser(Source, source);
        if (uncopied != 0)
        {
            return uncopied;
        }

        ref readonly var secs = ref MemoryMarshal.AsRef<Secs>(source);
        return -(long)Create(source, in secs);
    }

    /// <summary>Whether a buffer of the program is aligned and ends before its address space does.</summary>
    protected static bool IsBuffer(ulong address, ulong length, ulong alignment)
    {
        const ulong userEnd = 1UL << 47;
        return address % alignment == 0 && address < userEnd && length <= userEnd - address;
    }

    private DriverError Create(ReadOnlySpan<byte> source, in Secs secs)
    {
        if (!SecsCheck.IsValid(in secs, Services.Machine.Options))
        {
            return Refuse(DriverError.EINVAL, IoctlRule.SecsLegal);
        }

        // RFC v3 4/4: without a registered handler no enclave.
        if (Services.State.Rules.NeedsEncluHandler && !Services.State.EncluHandlers.ContainsKey(Caller.AddressSpace))
        {
            return Refuse(DriverError.EFAULT, IoctlRule.HandlerRegistered);
        }

        IEnclaveBacking backing = Services.State.Backing;
        var error = FindBacking(secs.Size, ref backing);
        if (error != DriverError.None)
        {
            return error;
        }

        // Linux v16, sgx_encl_create: the mapping must be the enclave's range and have no enclave.
        var start = new LinearAddress(secs.BaseAddr);
        var target = Services.State.FindMapped(Caller.AddressSpace, start);
        bool fits = target is { IsCreated: false, Holes.Count: 0, Mapping: { } mapping }
            && mapping.Start == start
            && mapping.End == start + secs.Size;
        error = fits ? new EnclaveCreation(Services, this).Create(target!, source, in secs, DriverError.EFAULT)
            : Refuse(DriverError.EINVAL, IoctlRule.MappingIsRange);
        if (error == DriverError.None)
        {
            (target!.Backing, target.DiesOnReclaim) = (backing, DiesOnReclaim);
        }

        return error;
    }
}
