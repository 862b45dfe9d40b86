using System.Numerics;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>mmap of the device in the generations before v20, where an enclave is its mapping: it has a memory file of its own.</summary>
/// <remarks>The program's descriptor stays open for ioctls only; the mapping's file has none, so that munmap ends the enclave. A child of
/// fork does not have the mapping (VM_DONTCOPY).</remarks>
internal sealed class BoundMappings(ISgxDriver driver, DeviceFiles files, MapDevice mapDevice, MappingPlacement placement)
{

    /// <summary>Answers an mmap of the device.</summary>
    public Answer Map(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong address, ulong length, int protection, int flags) = (r.Rdi, HostPage.Whole(r.Rsi), (int)r.Rdx & 7, (int)r.R10);
        bool isPrivate = (flags & MemoryProtection.TypeMask) == MemoryProtection.Private;
        bool isFixed = (flags & (MemoryProtection.Fixed | MemoryProtection.FixedNoReplace)) != 0;

        // Linux v16, sgx_get_unmapped_area: shared, a power of two, and aligned to itself.
        if (isPrivate || length < 2 * HostPage.Size || !BitOperations.IsPow2(length) || !HostPage.IsMultiple(address) && isFixed)
        {
            return Answer.Made(-(long)Linux.Errno.EINVAL);
        }

        if ((flags & MemoryProtection.TypeOfPlace) == MemoryProtection.Fixed)
        {
            return mapDevice.MakeRoom(thread, address, length, t => MapNow(t, address, length, protection, noReplace: false));
        }

        if (!isFixed)
        {
            long reserved = Reserve(thread, length);
            if (reserved < 0)
            {
                return Answer.Made(reserved);
            }

            address = (ulong)reserved;
        }

        long result = MapNow(thread, address, length, protection, isFixed);
        if (result < 0 && !isFixed)
        {
            _ = new RemoteCalls().Add(SystemCall.Munmap, address, length).Run(thread);
        }

        return Answer.Made(result);
    }

    private long MapNow(TracedThread thread, ulong address, ulong length, int protection, bool noReplace)
    {
        long result = Map(thread, address, length, protection, noReplace);
        files.CheckLifetimes(null);
        return result;
    }

    private static long Reserve(TracedThread thread, ulong length)
    {
        const int flags = MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.NoReserve;
        long area = new RemoteCalls().Add(SystemCall.Mmap, 0, 2 * length, MemoryProtection.None, flags, ulong.MaxValue, 0).Run(thread)[0];
        if (area < 0)
        {
            return area;
        }

        ulong start = (ulong)area, aligned = (start + length - 1) & ~(length - 1);
        var calls = new RemoteCalls();
        if (aligned != start)
        {
            calls.Add(SystemCall.Munmap, start, aligned - start);
        }

        calls.Add(SystemCall.Munmap, aligned + length, start + length - aligned);
        _ = calls.Run(thread);
        return (long)aligned;
    }

    private long Map(TracedThread thread, ulong address, ulong length, int protection, bool noReplace)
    {
        AddressSpace space = thread.Space;
        long descriptor = MemoryFiles.Make(thread, nameof(DeviceNode.Enclave), closeOnExec: true);
        if (descriptor < 0)
        {
            return descriptor;
        }

        Errno error = files.Open(thread, (int)descriptor, DeviceNode.Enclave, FileFlags.ReadWrite, out EnclaveFile? file);
        long result = -(long)error;
        if (file?.Enclave is { } enclave)
        {
            result = driver.Mmap(enclave, space, new LinearAddress(address), new LinearAddress(address + length), (Protection)protection,
                isPrivate: false, readImpliesExecute: false);
            if (result == 0)
            {
                result = MapFile(thread, file, (int)descriptor, address, length, protection, noReplace);
            }
        }

        MemoryFiles.GiveBack(thread, descriptor, error);
        return result;
    }

    private long MapFile(TracedThread thread, EnclaveFile file, int descriptor, ulong address, ulong length, int protection, bool noReplace)
    {
        const ulong dontFork = 10;
        int kind = MemoryProtection.Shared | (noReplace ? MemoryProtection.FixedNoReplace : MemoryProtection.Fixed);
        long result = placement.Place(thread, new EnclaveMapping(address, address + length, protection, file), kind, (ulong)descriptor,
            address);
        if (result >= 0)
        {
            _ = new RemoteCalls().Add(SystemCall.Madvise, address, length, dontFork).Run(thread);
        }

        return result;
    }
}
