using System.Runtime.InteropServices;
using Cloister.Driver;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Devices;

/// <summary>The open files of the device nodes, and the address spaces that use them.</summary>
internal sealed class DeviceFiles(EpcMemory epc, ISgxDriver driver, IPageObserver observer) : IDisposable
{
    private readonly Dictionary<(ulong, ulong), EnclaveFile> _files = [];
    private readonly List<AddressSpace> _spaces = [];

    /// <summary>The address spaces that have opened a device, or were copied from one.</summary>
    public IReadOnlyList<AddressSpace> Spaces => _spaces;

    /// <summary>The seccomp filter that a program gets when it uses the device.</summary>
    public byte[] Filter { get; init; } = [];

    /// <summary>Tells whether something is done with a file: it stays open until that has ended.</summary>
    public Func<EnclaveFile, bool>? IsUsed { get; init; }

    /// <summary>The address spaces that have mapped a file.</summary>
    public IEnumerable<AddressSpace> SpacesOf(EnclaveFile file) => _spaces.Where(file.Views.Contains);

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
    /// <returns>EBADF when the descriptor means something else by now.</returns>
    public Errno Open(TracedThread thread, int descriptor, DeviceNode node, int openFlags, out EnclaveFile? file)
    {
        file = null;
        int taken = MemoryFiles.TakeNode(thread, descriptor);
        if (taken < 0)
        {
            return (Errno)(-taken);
        }

        Errno error = MappedFile.Seal(taken, EnclaveFile.FileLength);
        if (error != Errno.None)
        {
            HostKernel.Close(taken);
            return error;
        }

        var opened = new EnclaveFile(epc, taken, node, openFlags) { Observer = observer };
        error = (Errno)Tell(node, opened);
        if (error != Errno.None)
        {
            opened.Dispose();
            return error;
        }

        file = opened;
        _files.Add(file.Identity, file);
        Join(thread);
        return Errno.None;
    }

    private DriverError Tell(DeviceNode node, EnclaveFile file)
    {
        DriverError error = DriverError.None;
        switch (node)
        {
            case DeviceNode.Enclave:
                error = driver.Open(file, out IOpenEnclave? enclave);
                file.Enclave = enclave;
                break;
            case DeviceNode.VirtualEpc:
                error = driver.OpenVirtualEpc(file, out IOpenVirtualEpc? virtualEpc);
                file.VirtualEpc = virtualEpc;
                break;
        }

        return error;
    }

    /// <summary>A thread's program uses the device: it has opened it, or was given a descriptor by another.</summary>
    public void Join(TracedThread thread)
    {
        Note(thread.Space);
        if (!thread.Process.IsDeviceUser)
        {
            thread.Process.IsDeviceUser = true;
            FilterInstallation.Install(thread, Filter);
        }
    }

    /// <summary>The device file behind a descriptor of a stopped thread, or null.</summary>
    public EnclaveFile? Find(TracedThread thread, int descriptor)
    {
        if (_files.Count == 0 || descriptor < 0)
        {
            return null;
        }

        Errno error = ForeignDescriptor.TryIdentify(thread.Id, descriptor, out (ulong, ulong) identity);
        if (error is Errno.EACCES or Errno.EPERM && thread.Space.Table is not null)
        {
            // It is not dumpable, and has to say itself. struct stat begins with st_dev and st_ino.
            error = new RemoteCalls().Add(SystemCall.Fstat, (ulong)descriptor, RemoteCalls.DataAddress).Run(thread)[0] < 0
                ? Errno.EBADF : Errno.None;
            ReadOnlySpan<ulong> status = MemoryMarshal.Cast<byte, ulong>(RemoteCalls.Data(thread, 16));
            identity = (status[0], status[1]);
        }

        return error == Errno.None ? _files.GetValueOrDefault(identity) : null;
    }

    /// <summary>The device file at a path, or null: for the links in /proc, which lead to what was opened.</summary>
    public EnclaveFile? Find(string path) => _files.Count > 0 && HostKernel.TryStat(path, out ulong device, out ulong inode, out _)
        ? _files.GetValueOrDefault((device, inode)) : null;

    /// <summary>The device file of an inode, or null.</summary>
    public EnclaveFile? OfInode(ulong inode) => inode == 0 ? null : _files.Values.FirstOrDefault(file => file.Identity.Inode == inode);

    /// <summary>The device mappings in a part of a list, with the protection that they have natively.</summary>
    public IEnumerable<EnclaveMapping> Mapped(List<MapsLine> lines, ulong start, ulong end)
    {
        foreach (MapsLine line in lines)
        {
            ulong from = Math.Max(start, line.Start), to = Math.Min(end, line.End);
            if (from < to && line.IsShared && line.Start - Area.Base >= Area.Reserved && OfInode(line.Inode) is { } file)
            {
                yield return new EnclaveMapping(from, to, line.Protection, file, unchecked(line.Offset - line.Start));
            }
        }
    }

    /// <summary>How much an address space has of the device mappings in a list: it may be that of which the list's is a copy.</summary>
    public int Likeness(List<MapsLine> lines, AddressSpace books)
    {
        int likeness = 0;
        foreach (EnclaveMapping real in Mapped(lines, 0, ulong.MaxValue))
        {
            likeness += books.Mappings.Find(real.Start) is { } known && known.File == real.File && known.Delta == real.Delta ? 1 : -1;
        }

        return likeness;
    }

    /// <summary>An address space has ended.</summary>
    public void Forget(AddressSpace space)
    {
        _ = _spaces.Remove(space);
        foreach (EnclaveFile file in All)
        {
            _ = file.Views.Remove(space);
        }
    }

    /// <summary>Releases the files that nothing refers to any more: no mapping, and no descriptor of any process or
    /// on its way to one.</summary>
    /// <param name="at">A thread at the end of the system call that may have given up the last reference, or null.</param>
    public void CheckLifetimes(TracedThread? at)
    {
        if (_files.Count == 0)
        {
            return;
        }

        foreach (EnclaveFile file in _files.Values.ToArray())
        {
            if (IsInUse(file))
            {
                continue;
            }

            bool open = file.IsOpen;
            if (open && at is not null)
            {
                // The kernel lets go of files when the thread is back in user mode, after the stop (fput, task_work).
                _ = new RemoteCalls().Add(SystemCall.Getpid).Run(at);
                at = null;
                open = file.IsOpen;
            }

            if (!open)
            {
                Release(file);
            }
        }
    }

    /// <summary>The same for one file, of which an ioctl has ended.</summary>
    public void CheckLifetime(EnclaveFile file)
    {
        if (!IsInUse(file) && !file.IsOpen)
        {
            Release(file);
        }
    }

    private bool IsInUse(EnclaveFile file) => file.Views.Count > 0 || IsUsed?.Invoke(file) == true;

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
        observer.Releasing(file);
        _ = _files.Remove(file.Identity);
        file.IsReleased = true;
        if (file.Enclave is { } enclave)
        {
            driver.Release(enclave);
        }

        if (file.VirtualEpc is { } virtualEpc)
        {
            driver.Release(virtualEpc);
        }

        file.Dispose();
    }
}
