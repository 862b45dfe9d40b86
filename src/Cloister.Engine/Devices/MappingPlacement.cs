using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Devices;

/// <summary>Maps parts of device files in programs, and watches them.</summary>
internal sealed class MappingPlacement(DeviceFiles files, DeviceMappings mappings, RealMappings real, PresenceMode presence,
    Action<string> notice)
{
    /// <summary>Maps a part of a device file where the program is to see it.</summary>
    /// <remarks>
    /// Linux, arch/x86/kernel/cpu/sgx/driver.c, sgx_mmap: VM_PFNMAP, VM_IO and VM_DONTDUMP. Such memory is in no core
    /// file and is never locked, though mlockall(MCL_FUTURE) and MAP_LOCKED are obeyed in all else (mm/mmap.c). It is first mapped without
    /// any right: what is locked would get its pages from the file at once, without the driver.
    /// </remarks>
    public long Place(TracedThread thread, EnclaveMapping mapping, int kind, ulong descriptor, ulong fileOffset)
    {
        const ulong dontDump = 16;
        AddressSpace space = thread.Space;
        (ulong address, ulong length) = (mapping.Start, mapping.End - mapping.Start);
        long result = new RemoteCalls().Add(SystemCall.Mmap, address, length, MemoryProtection.None, (ulong)kind, descriptor, fileOffset)
            .Run(thread)[0];
        if (result < 0)
        {
            return result;
        }

        // Where another thread has put something meanwhile.
        HashSet<EnclaveFile> lost = space.Unmap(address, mapping.End);
        space.Mappings.Add(mapping);
        mapping.File.NoteMapped(space);
        Watch(thread, address, length);
        RemoteCalls calls = new RemoteCalls().Add(SystemCall.Munlock, address, length).Add(SystemCall.Madvise, address, length, dontDump);
        DeviceMappings.AddRights(space, mapping, calls);
        _ = calls.Run(thread);
        if (lost.Count > 0)
        {
            files.CheckLifetimes(thread);
        }

        return result;
    }

    /// <summary>The child of a fork: its copies of the mappings are watched anew.</summary>
    public void PrepareFork(TracedThread thread)
    {
        // The child of a process that is not dumpable is not either.
        RemoteMemory memory = thread.Space.Memory;
        _ = memory.IsOpen ? memory : Dumpable.Reach(thread, () => memory.Open() == Errno.None ? memory : null);

        if (thread.Space.Mappings.All.Count > 0)
        {
            PresenceChoice.Make(presence, notice, thread);
        }

        if (thread.Space.Native.ByProtection)
        {
            thread.Space.Native.Executable.Clear();
        }

        foreach (EnclaveMapping mapping in thread.Space.Mappings.All.ToArray())
        {
            Watch(thread, mapping.Start, mapping.End - mapping.Start);
        }
    }

    /// <summary>Puts a new mapping's pages under the rule of what decides their presence.</summary>
    public void Watch(TracedThread thread, ulong address, ulong length)
    {
        if (mappings.TryWatch(thread, address, length) != Errno.None)
        {
            // Another thread has taken it away, or put something else there.
            real.Follow(thread, address, address + length);
        }
    }
}
