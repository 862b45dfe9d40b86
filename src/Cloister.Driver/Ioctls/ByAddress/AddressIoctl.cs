using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>
/// An ioctl of the drivers before v20: it finds its enclave by an address, its structure never comes back, and what
/// EINIT and other leaves say is returned as it is, above zero.
/// </summary>
/// <typeparam name="T">The structure.</typeparam>
internal abstract class AddressIoctl<T>(IoctlCall call) : EnclaveIoctl(call)
    where T : unmanaged
{
    /// <summary>SGX_POWER_LOST_ENCLAVE.</summary>
    public const long PowerLost = 0x40000000;

    /// <summary>The structure as copied in.</summary>
    protected T Parameters;

    private bool _begun;

    /// <summary>The enclave found by <see cref="Find"/>.</summary>
    protected SgxEnclave? Target { get; private set; }

    /// <summary>The first step, with the structure copied in.</summary>
    /// <returns>The result, or null when there is more to do in <see cref="GoOn"/>.</returns>
    protected abstract long? Begin();

    /// <summary>The further steps.</summary>
    /// <param name="pageBudget">At least 1.</param>
    protected virtual long? GoOn(int pageBudget) =>
        throw new InvalidOperationException("The call has no further steps.");

    /// <inheritdoc/>
    protected sealed override long? Advance(int pageBudget)
    {
        if (!_begun)
        {
            // Linux v16, sgx_ioctl: the structure is copied for every handler alike.
            if (!TryCopyParameters(ref Parameters))
            {
                return -(long)Refuse(DriverError.EFAULT, IoctlRule.ArgumentAccessible, Argument);
            }

            _begun = true;
            if (Begin() is { } result)
            {
                return result;
            }
        }

        // Where the kernel would wait for the enclave's lock.
        if (Target is { Operation: { IsDone: false } other } && !ReferenceEquals(other, this))
        {
            return null;
        }

        if (Target is not null)
        {
            Target.Operation = this;
        }

        return GoOn(pageBudget);
    }

    /// <inheritdoc/>
    protected override void OnDone()
    {
        if (Target is not null && ReferenceEquals(Target.Operation, this))
        {
            Target.Operation = null;
        }
    }

    /// <summary>Finds the enclave at an address of the caller (sgx_encl_get).</summary>
    /// <returns>0, a negated errno or <see cref="PowerLost"/>.</returns>
    protected long Find(ulong address, bool mustBeAligned = true)
    {
        if (mustBeAligned && (address & (LinearAddress.PageSize - 1)) != 0)
        {
            return -(long)Refuse(DriverError.EINVAL, IoctlRule.AddressAligned, address);
        }

        var found = Services.State.FindMapped(Caller.AddressSpace, new LinearAddress(address));
        if (found is null)
        {
            return -(long)Refuse(DriverError.EINVAL, IoctlRule.AddressMapped, address);
        }

        if (!found.IsCreated)
        {
            return -(long)Refuse(DriverError.ENOENT, IoctlRule.Created);
        }

        if (found.IsSuspended)
        {
            _ = Refuse(DriverError.None, IoctlRule.PowerKept);
            return PowerLost;
        }

        Target = found;
        return 0;
    }

    /// <summary>copy_from_user as these drivers use it: the bytes it could not copy are the result of the call.</summary>
    /// <returns>0 when everything was copied.</returns>
    protected long CopyFromUser(ulong address, Span<byte> destination)
    {
        if (Caller.CopyFromUser(address, destination))
        {
            return 0;
        }

        _ = Refuse(DriverError.None, IoctlRule.OperandReadable, address);

        // A page can be read whole or not at all.
        int done = 0;
        while (done < destination.Length)
        {
            int count = Math.Min(destination.Length - done,
                (int)(LinearAddress.PageSize - ((address + (ulong)done) & (LinearAddress.PageSize - 1))));
            if (!Caller.CopyFromUser(address + (ulong)done, destination.Slice(done, count)))
            {
                break;
            }

            done += count;
        }

        return destination.Length - done;
    }

    /// <summary>copy_from_user of a structure; false is EFAULT.</summary>
    protected bool TryCopySecinfo(ulong address, ref Secinfo secinfo)
    {
        bool copied = TryCopyFromUser(address, ref secinfo);
        _ = copied ? DriverError.None : Refuse(DriverError.EFAULT, IoctlRule.OperandReadable, address);
        return copied;
    }

    /// <summary>What a leaf said, as these drivers return it: above zero.</summary>
    protected long LeafError(LeafResult result)
    {
        _ = Refuse(DriverError.None, IoctlRule.LeafSucceeds);
        return (long)result.Error;
    }

    /// <summary>The bytes of a structure.</summary>
    protected static Span<byte> BytesOf<TStructure>(ref TStructure structure)
        where TStructure : unmanaged =>
        MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref structure, 1));
}
