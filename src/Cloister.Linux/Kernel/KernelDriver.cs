using System.Runtime.ExceptionServices;
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

    // What this side is written for: EMBEDDING_VERSION of embedding.h.
    private const int Version = 2;

    private const int Again = 1, Failed = 2;

    // By which a driver is known.
    private static readonly string[] s_needed = ["linux_start", "linux_stop", "linux_call", "linux_failure", "linux_epc"];

    private readonly nint _library;
    private readonly string _path;
    private readonly Dictionary<string, nint> _functions = [];
    private readonly delegate* unmanaged[Cdecl]<KernelCall*, int, int> _call;
    private GCHandle _handle;
    private Exception? _kept;
    private nint _addressSpace;
    private uint _personality;
    private bool _hasFailed;

    private KernelDriver(string path, nint library, IKernelDriverHost host)
    {
        (_path, _library, Host) = (path, library, host);
        _call = (delegate* unmanaged[Cdecl]<KernelCall*, int, int>)Function("linux_call");
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
    public ulong Epc => ((delegate* unmanaged[Cdecl]<ulong>)Function("linux_epc"))();

    /// <summary>WARNs so far.</summary>
    public int Warnings => ((delegate* unmanaged[Cdecl]<int>)Function("linux_warnings"))();

    /// <summary>Whether the call that was made last has ended.</summary>
    internal bool HasEnded { get; private set; }

    /// <summary>Loads the driver and starts it.</summary>
    /// <param name="path">The shared object.</param>
    /// <param name="host">Who answers its questions.</param>
    /// <param name="onLoaded">Called before the driver runs, with what is returned.</param>
    /// <exception cref="KernelDriverException">The file is no driver, or one that does not start.</exception>
    public static KernelDriver Load(string path, IKernelDriverHost host, Action<KernelDriver> onLoaded)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(onLoaded);
        var driver = new KernelDriver(path, Open(path), host);
        onLoaded(driver);
        KernelDriverQuestions questions = KernelDriverQuestions.For(GCHandle.ToIntPtr(driver._handle), host);
        var error = (Errno)(-(int)driver.Call("linux_start", (ulong)&questions));
        if (error != Errno.None)
        {
            throw new KernelDriverException(path, $"the driver does not start: {error}");
        }

        driver.Idle();
        return driver;
    }

    /// <summary>Memory of the driver's, as a leaf's operand names it.</summary>
    public static Span<byte> Memory(ulong address, int length) => new((void*)address, length);

    /// <summary>open of a device: a file, or 0 and a negated errno.</summary>
    public nint Open(string device, out int error)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(device + "\0"))
        fixed (int* result = &error)
        {
            return (nint)Call("linux_open", (ulong)name, (ulong)result);
        }
    }

    /// <summary>close: the file itself stays while it is mapped.</summary>
    public void Close(nint file) => Call("linux_close", (ulong)file);

    /// <summary>A descriptor for the file.</summary>
    public int Descriptor(nint file) => (int)Call("linux_descriptor", (ulong)file);

    /// <summary>ioctl by the process of <see cref="RunAs"/>.</summary>
    public long Ioctl(nint file, uint command, ulong argument) => Call("linux_ioctl", (ulong)file, command, argument);

    /// <summary>The same, in parts.</summary>
    public KernelSystemCall BeginIoctl(nint file, uint command, ulong argument) =>
        new(this, Prepare("linux_ioctl", [(ulong)file, command, argument]));

    /// <summary>A new address space.</summary>
    public nint NewAddressSpace(ulong name) => (nint)Call("linux_mm_new", name);

    /// <summary>A copy of an address space, as fork makes it.</summary>
    public nint Fork(nint addressSpace, ulong name) => (nint)Call("linux_fork", (ulong)addressSpace, name);

    /// <summary>The end of an address space.</summary>
    public void Exit(nint addressSpace) => Call("linux_mm_exit", (ulong)addressSpace);

    /// <summary>Whose calls the next ones are.</summary>
    public void RunAs(nint addressSpace, uint personality) => (_addressSpace, _personality) = (addressSpace, personality);

    /// <summary>mmap; flags are VM_..., offset is in pages, and mapFlags MAP_....</summary>
    public int Map(nint addressSpace, nint file, ulong start, ulong end, ulong flags, ulong offset, ulong mapFlags) =>
        (int)Call("linux_mmap", (ulong)addressSpace, (ulong)file, start, end, flags, offset, mapFlags);

    /// <summary>munmap.</summary>
    public int Unmap(nint addressSpace, ulong start, ulong end) => (int)Call("linux_munmap", (ulong)addressSpace, start, end);

    /// <summary>mprotect.</summary>
    public int Protect(nint addressSpace, ulong start, ulong end, ulong protection) =>
        (int)Call("linux_mprotect", (ulong)addressSpace, start, end, protection);

    /// <summary>Whether an mmap may be, as for <see cref="Map"/>; nothing is mapped.</summary>
    public int MayMap(nint addressSpace, nint file, ulong start, ulong end, ulong flags, ulong offset, ulong mapFlags) =>
        (int)Call("linux_may_mmap", (ulong)addressSpace, (ulong)file, start, end, flags, offset, mapFlags);

    /// <summary>Whether an mprotect may be; nothing changes.</summary>
    public int MayProtect(nint addressSpace, ulong start, ulong end, ulong protection) =>
        (int)Call("linux_may_mprotect", (ulong)addressSpace, start, end, protection);

    /// <summary>What is mapped in a range from now on: a file, or with 0 nothing.</summary>
    public void Follow(nint addressSpace, nint file, ulong start, ulong end, ulong rights, ulong offset) =>
        Call("linux_follow", (ulong)addressSpace, (ulong)file, start, end, rights, offset);

    /// <summary>The flags of the mapping at an address, or -1.</summary>
    public long Mapping(nint addressSpace, ulong address) => Call("linux_mapping", (ulong)addressSpace, address);

    /// <summary>A page fault; VM_FAULT_....</summary>
    public uint Fault(nint addressSpace, ulong address) => (uint)Call("linux_fault", (ulong)addressSpace, address, AllowRetry);

    /// <summary>Access by another program: bytes done, or a negated errno.</summary>
    public int Access(nint addressSpace, ulong address, Span<byte> data, bool isWrite)
    {
        fixed (byte* bytes = data)
        {
            return (int)Call("linux_access", (ulong)addressSpace, address, (ulong)bytes, (ulong)data.Length, isWrite ? 1ul : 0);
        }
    }

    /// <summary>The page frame that a page table shows, or all ones.</summary>
    public ulong Frame(nint addressSpace, ulong address) =>
        ((delegate* unmanaged[Cdecl]<nint, ulong, ulong>)Function("linux_entry"))(addressSpace, address);

    /// <summary>The allocation of memory that fails, counted from now: 1 for the next; 0 for none.</summary>
    public void FailAllocation(long number) => ((delegate* unmanaged[Cdecl]<nint, void>)Function("linux_fail_allocation"))((nint)number);

    /// <summary>Allocations of memory since <see cref="FailAllocation"/>.</summary>
    public long Allocations => ((delegate* unmanaged[Cdecl]<nint>)Function("linux_allocations"))();

    /// <summary>Kernel threads run until none has anything to do.</summary>
    public void Idle()
    {
        KernelCall call = default;
        _ = Run(&call, 0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // What has failed is left as it is.
        if (_handle.IsAllocated && !_hasFailed)
        {
            ((delegate* unmanaged[Cdecl]<void>)Function("linux_stop"))();
            NativeLibrary.Free(_library);
            _handle.Free();
        }
    }

    internal void Keep(Exception exception) => _kept ??= exception;

    /// <summary>Runs a call until it has ended or is over for now.</summary>
    /// <returns>Whether it has ended.</returns>
    internal bool Run(KernelCall* call, int pages)
    {
        HasEnded = false;
        int status = _call(call, pages);
        HasEnded = status != Again;
        if (status == Failed)
        {
            throw Failure();
        }

        if (_kept is { } exception)
        {
            _kept = null;
            ExceptionDispatchInfo.Throw(exception);
        }

        return HasEnded;
    }

    private static nint Open(string path)
    {
        nint library;
        try
        {
            library = NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            // The framework's advice first, then what the loader said.
            string[] lines = e.Message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            string reason = lines.FirstOrDefault(line => line.StartsWith($"{path}: ", StringComparison.Ordinal))?[(path.Length + 2)..]
                ?? lines[0];
            throw new KernelDriverException(path, $"cannot be loaded: {reason}", e);
        }

        bool isDriver = s_needed.All(name => NativeLibrary.TryGetExport(library, name, out _));
        if (!isDriver || !NativeLibrary.TryGetExport(library, "linux_version", out nint version)
            || ((delegate* unmanaged[Cdecl]<int>)version)() != Version)
        {
            throw new KernelDriverException(path, isDriver ? "was built by another version of Cloister: build it again"
                : "is not of `cloister driver build`");
        }

        return library;
    }

    private KernelDriverException Failure()
    {
        _hasFailed = true;
        var failure = ((delegate* unmanaged[Cdecl]<KernelFailure*>)Function("linux_failure"))();
        return new KernelDriverException(_path, Marshal.PtrToStringUTF8((nint)failure->Text)!.Trim(),
            new Span<ulong>(failure->Frames, failure->Count).ToArray());
    }

    private long Call(string function, params ReadOnlySpan<ulong> arguments)
    {
        KernelCall call = Prepare(function, arguments);
        _ = Run(&call, 0);
        return call.Result;
    }

    private KernelCall Prepare(string function, ReadOnlySpan<ulong> arguments)
    {
        var call = new KernelCall { Function = Function(function), AddressSpace = _addressSpace, Personality = _personality };
        arguments.CopyTo(new Span<ulong>(call.Arguments, KernelCall.MostArguments));
        return call;
    }

    private nint Function(string name)
    {
        if (!_functions.TryGetValue(name, out nint function))
        {
            _functions[name] = function = NativeLibrary.GetExport(_library, name);
        }

        return function;
    }
}
