using System.Runtime.InteropServices;
using System.Text;

namespace Cloister.Linux.Kernel;

/// <summary>
/// The kernel's own SGX driver in a shared object that <c>cloister driver build</c> made, with the kernel around it: the C side is
/// native/linux-driver/embedding.h. One to a file that is loaded; every member is called on one thread.
/// </summary>
public sealed unsafe class KernelDriver : IDisposable
{
    // FAULT_FLAG_ALLOW_RETRY, as the first try of every fault of a program has it.
    private const uint AllowRetry = 4;

    private readonly nint _library;
    private GCHandle _handle;
    private Exception? _kept;

    private KernelDriver(nint library, IKernelDriverHost host)
    {
        _library = library;
        Host = host;
        _handle = GCHandle.Alloc(this);
    }

    /// <summary>VM_FAULT_NOPAGE: there is an entry now, or the page was busy.</summary>
    public const uint FaultNoPage = 0x100;

    /// <summary>VM_FAULT_SIGBUS.</summary>
    public const uint FaultSigbus = 2;

    /// <summary>VM_FAULT_RETRY: the access is made again, without an entry.</summary>
    public const uint FaultRetry = 0x400;

    /// <summary>VM_FAULT_OOM.</summary>
    public const uint FaultOutOfMemory = 1;

    /// <summary>Who answers.</summary>
    public IKernelDriverHost Host { get; }

    /// <summary>Where the driver believes its EPC to be.</summary>
    public ulong Epc => ((delegate* unmanaged[Cdecl]<ulong>)Entry("linux_epc"))();

    /// <summary>WARNs so far.</summary>
    public int Warnings => ((delegate* unmanaged[Cdecl]<int>)Entry("linux_warnings"))();

    /// <summary>Loads the driver and starts it.</summary>
    /// <param name="path">The shared object.</param>
    /// <param name="host">Who answers its questions.</param>
    /// <param name="onLoaded">Called before the driver runs, with what is returned.</param>
    public static KernelDriver Load(string path, IKernelDriverHost host, Action<KernelDriver> onLoaded)
    {
        ArgumentNullException.ThrowIfNull(onLoaded);
        var driver = new KernelDriver(NativeLibrary.Load(path), host);
        onLoaded(driver);
        KernelDriverQuestions questions = KernelDriverQuestions.For(GCHandle.ToIntPtr(driver._handle));
        int error = driver.Done(((delegate* unmanaged[Cdecl]<KernelDriverQuestions*, int>)driver.Entry("linux_start"))(&questions));
        return error == 0 ? driver : throw new LinuxException("the driver's start", (Errno)(-error));
    }

    /// <summary>Memory of the driver's, as a leaf's operand names it.</summary>
    public static Span<byte> Memory(ulong address, int length) => new((void*)address, length);

    /// <summary>open of a device: a file, or 0 and a negated errno.</summary>
    public nint Open(string device, out int error)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(device + "\0"))
        fixed (int* result = &error)
        {
            return Done(((delegate* unmanaged[Cdecl]<byte*, int*, nint>)Entry("linux_open"))(name, result));
        }
    }

    /// <summary>close: the file itself stays while it is mapped.</summary>
    public void Close(nint file) => Done(((delegate* unmanaged[Cdecl]<nint, int>)Entry("linux_close"))(file));

    /// <summary>A descriptor for the file.</summary>
    public int Descriptor(nint file) => Done(((delegate* unmanaged[Cdecl]<nint, int>)Entry("linux_descriptor"))(file));

    /// <summary>ioctl by the process of <see cref="RunAs"/>.</summary>
    public long Ioctl(nint file, uint command, ulong argument) => Done(((delegate* unmanaged[Cdecl]<nint, uint, ulong, long>)Entry("linux_ioctl"))(file, command, argument));

    /// <summary>A new address space.</summary>
    public nint NewAddressSpace(ulong name) => Done(((delegate* unmanaged[Cdecl]<ulong, nint>)Entry("linux_mm_new"))(name));

    /// <summary>A copy of an address space, as fork makes it.</summary>
    public nint Fork(nint addressSpace, ulong name) => Done(((delegate* unmanaged[Cdecl]<nint, ulong, nint>)Entry("linux_fork"))(addressSpace, name));

    /// <summary>The end of an address space.</summary>
    public void Exit(nint addressSpace) => Done(((delegate* unmanaged[Cdecl]<nint, int>)Entry("linux_mm_exit"))(addressSpace));

    /// <summary>Whose calls the next ones are.</summary>
    public void RunAs(nint addressSpace, uint personality) => Done(((delegate* unmanaged[Cdecl]<nint, uint, int>)Entry("linux_run_as"))(addressSpace, personality));

    /// <summary>mmap; flags are VM_..., offset is in pages, and mapFlags MAP_....</summary>
    public int Map(nint addressSpace, nint file, ulong start, ulong end, ulong flags, ulong offset, ulong mapFlags) =>
        Done(((delegate* unmanaged[Cdecl]<nint, nint, ulong, ulong, ulong, ulong, ulong, int>)Entry("linux_mmap"))(addressSpace, file, start, end, flags, offset, mapFlags));

    /// <summary>munmap.</summary>
    public int Unmap(nint addressSpace, ulong start, ulong end) => Done(((delegate* unmanaged[Cdecl]<nint, ulong, ulong, int>)Entry("linux_munmap"))(addressSpace, start, end));

    /// <summary>mprotect.</summary>
    public int Protect(nint addressSpace, ulong start, ulong end, ulong protection) =>
        Done(((delegate* unmanaged[Cdecl]<nint, ulong, ulong, ulong, int>)Entry("linux_mprotect"))(addressSpace, start, end, protection));

    /// <summary>The flags of the mapping at an address, or -1.</summary>
    public long Mapping(nint addressSpace, ulong address) => Done(((delegate* unmanaged[Cdecl]<nint, ulong, long>)Entry("linux_mapping"))(addressSpace, address));

    /// <summary>A page fault; VM_FAULT_....</summary>
    public uint Fault(nint addressSpace, ulong address) => Done(((delegate* unmanaged[Cdecl]<nint, ulong, uint, uint>)Entry("linux_fault"))(addressSpace, address, AllowRetry));

    /// <summary>Access by another program: bytes done, or a negated errno.</summary>
    public int Access(nint addressSpace, ulong address, Span<byte> data, bool isWrite)
    {
        fixed (byte* bytes = data)
        {
            return Done(((delegate* unmanaged[Cdecl]<nint, ulong, byte*, int, int, int>)Entry("linux_access"))(addressSpace, address, bytes, data.Length, isWrite ? 1 : 0));
        }
    }

    /// <summary>The page frame that a page table shows, or all ones.</summary>
    public ulong Frame(nint addressSpace, ulong address) => Done(((delegate* unmanaged[Cdecl]<nint, ulong, ulong>)Entry("linux_entry"))(addressSpace, address));

    /// <summary>Kernel threads run until none has anything to do; how many tasks wait for ever.</summary>
    public int Idle() => Done(((delegate* unmanaged[Cdecl]<int>)Entry("linux_idle"))());

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_handle.IsAllocated)
        {
            ((delegate* unmanaged[Cdecl]<void>)Entry("linux_stop"))();
            NativeLibrary.Free(_library);
            _handle.Free();
        }
    }

    internal void Keep(Exception exception) => _kept ??= exception;

    private nint Entry(string name) => NativeLibrary.GetExport(_library, name);

    private T Done<T>(T result)
    {
        if (_kept is { } exception)
        {
            _kept = null;
            throw new InvalidOperationException($"A question of the driver's was not answered: {exception.Message}", exception);
        }

        return result;
    }
}
