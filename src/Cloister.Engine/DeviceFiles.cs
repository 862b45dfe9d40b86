using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>The open files of the device nodes, and the address spaces that use them.</summary>
internal sealed class DeviceFiles(Tracer tracer) : IDisposable
{
    private readonly Dictionary<(ulong, ulong), EnclaveFile> _files = [];
    private readonly List<AddressSpace> _spaces = [];

    /// <summary>The address spaces that have opened a device, or were copied from one.</summary>
    public IReadOnlyList<AddressSpace> Spaces => _spaces;

    /// <summary>The files that are open now.</summary>
    public IEnumerable<EnclaveFile> All => _files.Count == 0 ? [] : _files.Values;

    public void Note(AddressSpace space)
    {
        if (!_spaces.Contains(space))
        {
            _spaces.Add(space);
        }
    }

    /// <summary>Takes over a memfd that a thread has just made for a device node.</summary>
    public EnclaveFile? Open(TracedThread thread, int descriptor, DeviceNode node)
    {
        int taken = HostKernel.TakeDescriptor(thread.Process.Id, descriptor);
        taken = taken >= 0 ? taken : HostKernel.Open(Path(thread.Id, descriptor));
        if (taken < 0 || MappedFile.Seal(taken, EnclaveFile.FileLength) != Errno.None)
        {
            return null;
        }

        var file = new EnclaveFile(tracer.Epc, taken, node);
        switch (node)
        {
            case DeviceNode.Enclave: file.Enclave = tracer.Driver.Open(file); break;
            case DeviceNode.VirtualEpc: file.VirtualEpc = tracer.Driver.OpenVirtualEpc(file); break;
        }

        _files.Add(file.Identity, file);
        Note(thread.Space);
        return file;
    }

    /// <summary>The device file behind a descriptor of a thread, or null.</summary>
    public EnclaveFile? Find(TracedThread thread, int descriptor) =>
        _files.Count > 0 && descriptor >= 0 && HostKernel.TryStat(Path(thread.Id, descriptor), out ulong device, out ulong inode, out _)
            ? _files.GetValueOrDefault((device, inode)) : null;

    /// <summary>Fork: the child's address space, which shows what the parent's does and has no page present yet.</summary>
    public AddressSpace Copy(AddressSpace parent, int child)
    {
        var space = new AddressSpace(tracer.Machine, child)
        {
            Table = parent.Table,
            Vdso = parent.Vdso,
            IsDeviceUser = parent.IsDeviceUser,
            HidesEnclaves = parent.HidesEnclaves,
            HiddenCode = [.. parent.HiddenCode],
            CpuidSites = new HashSet<ulong>(parent.CpuidSites),
        };
        space.Native.ByProtection = parent.Native.ByProtection;
        parent.Table?.Share();
        if (tracer.Driver.BindsToMapping)
        {
            // Linux v16, sgx_mmap: VM_DONTCOPY.
            if (parent.IsDeviceUser)
            {
                Note(space);
            }

            return space;
        }

        foreach (EnclaveMapping mapping in parent.Mappings.All)
        {
            space.Mappings.Add(mapping);
            if (!mapping.File.AddressSpaces.Contains(space))
            {
                mapping.File.AddressSpaces.Add(space);
            }

            if (mapping.File.Enclave is { } enclave)
            {
                tracer.Driver.AddressSpaceMapped(enclave, space);
            }
        }

        space.Native.CopyExecutable(parent.Native);
        if (parent.IsDeviceUser)
        {
            Note(space);
        }

        return space;
    }

    /// <summary>An address space has ended.</summary>
    public void Forget(AddressSpace space)
    {
        _ = _spaces.Remove(space);
        foreach (EnclaveFile file in All)
        {
            _ = file.AddressSpaces.Remove(space);
        }
    }

    /// <summary>Releases the files that no mapping and no descriptor of a living process refers to.</summary>
    public void CheckLifetimes()
    {
        if (_files.Count == 0)
        {
            return;
        }

        HashSet<(ulong, ulong)>? open = null;
        foreach (EnclaveFile file in _files.Values.ToArray())
        {
            if (file.AddressSpaces.Count > 0)
            {
                continue;
            }

            open ??= OpenIdentities();
            if (!open.Contains(file.Identity))
            {
                Release(file);
            }
        }
    }

    public void Dispose()
    {
        foreach (EnclaveFile file in All.ToArray())
        {
            Release(file);
        }
    }

    /// <summary>Takes the memory of removed pages away.</summary>
    public void FlushPunches()
    {
        foreach (EnclaveFile file in _files.Values)
        {
            file.FlushPunches();
        }
    }

    private void Release(EnclaveFile file)
    {
        tracer.Accepts.Withdraw();
        foreach (AddressSpace space in Spaces)
        {
            space.Fast?.Forget(file);
        }

        _ = _files.Remove(file.Identity);
        file.IsReleased = true;
        if (file.Enclave is { } enclave)
        {
            tracer.Driver.Release(enclave);
        }

        if (file.VirtualEpc is { } virtualEpc)
        {
            tracer.Driver.Release(virtualEpc);
        }

        file.Dispose();
    }

    private HashSet<(ulong, ulong)> OpenIdentities()
    {
        var open = new HashSet<(ulong, ulong)>();
        foreach (int process in tracer.Processes.Threads.Select(t => t.Process.Id).Distinct())
        {
            try
            {
                foreach (string path in Directory.EnumerateFiles(ProcPath.Of(process, "fd")))
                {
                    if (HostKernel.TryStat(path, out ulong device, out ulong inode, out _))
                    {
                        open.Add((device, inode));
                    }
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The process has just ended.
            }
        }

        return open;
    }

    private static string Path(int thread, int descriptor) => ProcPath.OfDescriptor(thread, descriptor);
}
