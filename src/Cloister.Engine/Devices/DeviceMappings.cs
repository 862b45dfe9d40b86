using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Devices;

/// <summary>What a mapping of the device is in the kernel's memory and in the books.</summary>
/// <remarks>A device mapping is natively executable only where the EPCM says X, page run by page run; which pages are
/// present and writable is the userfaultfd's. The program's own protection stands in <see cref="EnclaveMapping.Protection"/>.</remarks>
internal sealed class DeviceMappings(ISgxDriver driver, DeviceFiles files, IPlatform platform, PresenceMode presence, Action<string> notice)
{
    /// <summary>A mapping that the books did not have: no page of it is present, and it has the rights of a new one.</summary>
    public static void Begin(TracedThread thread, EnclaveMapping mapping)
    {
        const ulong dontNeed = 4;
        if (!thread.Space.Native.ByProtection)
        {
            RemoteCalls calls = new RemoteCalls().Add(SystemCall.Madvise, mapping.Start, mapping.End - mapping.Start, dontNeed);
            if (thread.Space.HidesEnclaves)
            {
                calls.Add(SystemCall.Mprotect, mapping.Start, mapping.End - mapping.Start, MemoryProtection.None);
            }

            AddRights(thread.Space, mapping, calls);
            _ = calls.Run(thread);
        }
    }

    /// <summary>The call that gives a mapping the rights that the program asked for, but for execution.</summary>
    public static void AddRights(AddressSpace space, EnclaveMapping mapping, RemoteCalls calls)
    {
        if (!space.HidesEnclaves && !space.Native.ByProtection)
        {
            calls.Add(SystemCall.Mprotect, mapping.Start, mapping.End - mapping.Start,
                (ulong)(mapping.Protection & ~MemoryProtection.Execute));
        }
    }

    /// <summary>The device's mappings in a range are gone.</summary>
    public void Forget(TracedThread thread, ulong start, ulong length)
    {
        AddressSpace space = thread.Space;
        HashSet<EnclaveFile> lost = length == 0 ? [] : space.Unmap(start, start + length);
        foreach (EnclaveFile file in lost)
        {
            TellDriver(space, file, start, start + length);
        }

        if (lost.Count > 0)
        {
            files.CheckLifetimes(thread);
        }
    }

    /// <summary>A part of a file is not mapped any more. The file may have ended by that: another thread's stop comes
    /// between the kernel's unmapping and this.</summary>
    public void TellDriver(AddressSpace space, EnclaveFile file, ulong start, ulong end)
    {
        if (file is { IsReleased: false, Enclave: { } enclave })
        {
            driver.Legacy?.Unmapped(enclave, space, new LinearAddress(start), new LinearAddress(end));
        }
    }

    /// <summary>The same; tells when the kernel has something else there.</summary>
    public Errno TryWatch(TracedThread thread, ulong address, ulong length)
    {
        AddressSpace space = thread.Space;
        PresenceChoice.Make(presence, notice, thread);
        if (space.Native.Presence is not { } watch)
        {
            _ = new RemoteCalls().Add(SystemCall.Mprotect, address, length, MemoryProtection.None).Run(thread);
            return Errno.None;
        }

        Errno error = watch.Register(address, length);
        if (error == Errno.ENOMEM && platform.IsGone(thread.Held))
        {
            // The answer also for memory that is being torn down: the program was killed. Linux, fs/userfaultfd.c, userfaultfd_register.
            throw new ThreadEndedException(thread.Id);
        }

        return error;
    }
}
