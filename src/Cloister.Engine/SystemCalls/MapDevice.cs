using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>mmap of a device file.</summary>
internal sealed class MapDevice(ISgxDriver driver, DeviceFiles files, RealMappings real, MappingPlacement placement)
{
    private const ulong NoPageFault = unchecked((ulong)-1);

    /// <summary>mmap of a device file.</summary>
    public Answer Map(TracedThread thread, EnclaveFile file)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong address, ulong length, int protection, int flags, ulong descriptor, ulong offset) =
            (r.Rdi, r.Rsi, (int)r.Rdx & 7, (int)r.R10, r.R8, r.R9);
        length = HostPage.Whole(length);
        if (length == 0 || !HostPage.IsMultiple(address) && (flags & (MemoryProtection.Fixed | MemoryProtection.FixedNoReplace)) != 0
            || file.Node == DeviceNode.Provision)
        {
            return Answer.Made(file.Node == DeviceNode.Provision ? -(long)Errno.ENODEV : -(long)Errno.EINVAL);
        }

        bool isPrivate = (flags & MemoryProtection.TypeMask) == MemoryProtection.Private;
        if (isPrivate)
        {
            return Answer.Made(-(long)Errno.EINVAL);
        }

        // mm/mmap.c, do_mmap: what the file was not opened for.
        if (!file.Allows(MemoryProtection.Read) || ((protection & MemoryProtection.Write) != 0 && !file.Allows(MemoryProtection.Write)))
        {
            return Answer.Made(-(long)Errno.EACCES);
        }

        // Linux looks at no offset, for its pages are in no file.
        if (file.VirtualEpc is not null && (offset > (ulong)EnclaveFile.FileLength || length > (ulong)EnclaveFile.FileLength - offset))
        {
            return Answer.Made(-(long)Errno.EOVERFLOW);
        }

        bool isFixed = (flags & (MemoryProtection.Fixed | MemoryProtection.FixedNoReplace)) != 0;
        if (!isFixed)
        {
            // The kernel chooses the place; the file's offset must be the place.
            long chosen = new RemoteCalls().Add(SystemCall.Mmap, address, length, MemoryProtection.None,
                MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.NoReserve, NoPageFault, 0).Run(thread)[0];
            if (chosen < 0)
            {
                return Answer.Made(chosen);
            }

            address = (ulong)chosen;
        }

        int verdict = file.Enclave is { } enclave
            ? driver.Mmap(enclave, thread.Space, new LinearAddress(address), new LinearAddress(address + length), (Protection)protection,
            isPrivate, Personality.ReadImpliesExecute(thread))
            : driver.Mmap(file.VirtualEpc!, thread.Space, new LinearAddress(address), new LinearAddress(address + length), offset,
            (Protection)protection, isPrivate);
        if (verdict != 0)
        {
            if (!isFixed)
            {
                _ = new RemoteCalls().Add(SystemCall.Munmap, address, length).Run(thread);
            }

            return Answer.Made(verdict);
        }

        ulong fileOffset = file.Enclave is null ? offset : address;
        int kind = MemoryProtection.Shared | (flags & MemoryProtection.Locked)
            | ((flags & MemoryProtection.FixedNoReplace) != 0 ? MemoryProtection.FixedNoReplace : MemoryProtection.Fixed);

        // Linux, sgx_vepc_mmap: VM_DONTCOPY, and nothing takes it back from a mapping of a device.
        bool copies = file.VirtualEpc is null;
        var mapping = new EnclaveMapping(address, address + length, protection, file, fileOffset - address) { CopiesOnFork = copies };
        if ((flags & MemoryProtection.TypeOfPlace) == MemoryProtection.Fixed)
        {
            return MakeRoom(thread, address, length, t => files.Find(t, (int)descriptor) == file ? PlaceWhole(t) : -(long)Errno.EBADF);
        }

        long result = PlaceWhole(thread);
        if (result < 0 && !isFixed)
        {
            _ = new RemoteCalls().Add(SystemCall.Munmap, address, length).Run(thread);
        }

        return Answer.Made(result);

        long PlaceWhole(TracedThread t)
        {
            long placed = placement.Place(t, mapping, kind, descriptor, fileOffset);
            if (placed >= 0 && !copies)
            {
                const ulong dontFork = 10;
                _ = new RemoteCalls().Add(SystemCall.Madvise, address, length, dontFork).Run(t);
            }

            if (placed >= 0 && (flags & MemoryProtection.Populate) != 0)
            {
                // mm_populate: its errors are nobody's.
                _ = Advice.Populate(driver, t.Space, address, address + length);
            }

            return placed;
        }
    }

    /// <summary>MAP_FIXED of the device: the thread itself puts memory without any right where it shall be, which may be waited for like a
    /// munmap; then it is mapped.</summary>
    /// <param name="thread">The thread at its mmap.</param>
    /// <param name="address">Where.</param>
    /// <param name="length">How long.</param>
    /// <param name="then">Maps it, and tells the result of the program's mmap.</param>
    public Answer MakeRoom(TracedThread thread, ulong address, ulong length, Func<TracedThread, long> then)
    {
        if (thread.Space.HoldsSealed(address, length))
        {
            return Answer.Made(-(long)Errno.EPERM);
        }

        ref UserRegisters r = ref thread.Registers;
        (ulong rdx, ulong r8, ulong r9, ulong r10) = (r.Rdx, r.R8, r.R9, r.R10);
        (r.Rdx, r.R8, r.R9) = (MemoryProtection.None, NoPageFault, 0);
        r.R10 = MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.NoReserve | MemoryProtection.Fixed;
        return real.Begin(thread, [(address, length)], mayBeHalf: false, (t, result) =>
        {
            ref UserRegisters after = ref t.Registers;
            (after.Rdx, after.R8, after.R9, after.R10) = (rdx, r8, r9, r10);
            if (result >= 0)
            {
                result = then(t);
                t.Registers.Rax = unchecked((ulong)result);
            }
        });
    }
}
