using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cloister.Linux.Kernel;

/// <summary>struct embedder of native/linux-driver/embedding.h: the driver's questions, as they come from C.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KernelDriverQuestions
{
    private nint _context;
    private int _questionsOnOwnStack;
    private int _epcIsUnused;
    private delegate* unmanaged[Cdecl]<nint, uint, ulong, ulong, ulong, ulong*, int> _encls;
    private delegate* unmanaged[Cdecl]<nint, ulong, void*, ulong, nuint, nuint> _readUser;
    private delegate* unmanaged[Cdecl]<nint, ulong, ulong, void*, nuint, nuint> _writeUser;
    private delegate* unmanaged[Cdecl]<nint, ulong, ulong, ulong, ulong, void> _entrySet;
    private delegate* unmanaged[Cdecl]<nint, ulong, ulong, ulong, void> _entriesCleared;
    private delegate* unmanaged[Cdecl]<nint, ulong, ulong, int> _isYoung;
    private delegate* unmanaged[Cdecl]<nint, void> _interrupt;
    private delegate* unmanaged[Cdecl]<nint, ulong, int> _signalPending;
    private delegate* unmanaged[Cdecl]<nint, uint, uint, uint*, void> _cpuid;
    private delegate* unmanaged[Cdecl]<nint, int, int> _hasFeature;
    private delegate* unmanaged[Cdecl]<nint, uint, ulong, void> _writeMsr;
    private delegate* unmanaged[Cdecl]<nint, void*, nuint, void*, void> _sha256;
    private delegate* unmanaged[Cdecl]<nint, int, byte*, void> _log;
    private delegate* unmanaged[Cdecl]<nint, ulong, ulong, ulong> _mapping;
    private delegate* unmanaged[Cdecl]<nint, ulong, uint, nint> _file;

    /// <summary>The questions of one driver.</summary>
    /// <param name="context">A handle of its <see cref="KernelDriver"/>.</param>
    /// <param name="host">Who answers them.</param>
    public static KernelDriverQuestions For(nint context, IKernelDriverHost host) => new()
    {
        _context = context,
        _questionsOnOwnStack = 1,
        _epcIsUnused = host.EpcIsUnused ? 1 : 0,
        _encls = &Encls,
        _readUser = &ReadUser,
        _writeUser = &WriteUser,
        _entrySet = &EntrySet,
        _entriesCleared = &EntriesCleared,
        _isYoung = &IsYoung,
        _interrupt = &Interrupt,
        _signalPending = &SignalPending,
        _cpuid = &Cpuid,
        _hasFeature = &HasFeature,
        _writeMsr = &WriteMsr,
        _sha256 = &Sha256,
        _log = &Log,
        _mapping = host.KeepsMappings ? &Mapping : null,
        _file = host.KeepsMappings ? &File : null,
    };

    // An exception cannot go through C: it waits until the call that is under way ends.
    private static T Ask<T>(nint context, Func<IKernelDriverHost, T> question, T otherwise)
    {
        var driver = (KernelDriver)GCHandle.FromIntPtr(context).Target!;
        try
        {
            return question(driver.Host);
        }
        catch (Exception e)
        {
            driver.Keep(e);
            return otherwise;
        }
    }

    // VM_READ, VM_MAYREAD, VM_MAYWRITE, and VM_MAYEXEC where it may be executed.
    private const ulong Readable = 0x31, MayExecute = 0x40;

    // A fault of the leaf: a question about it that is not answered.
    private const int Refused = 0x4000000d;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static ulong Mapping(nint context, ulong mm, ulong address) =>
        Ask(context,
            host => host.MayExecuteMemory(mm, address) switch { null => 0, true => Readable | MayExecute, false => Readable }, 0ul);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint File(nint context, ulong mm, uint descriptor) => Ask(context, host => host.FileOf(mm, (int)descriptor), (nint)0);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Encls(nint context, uint leaf, ulong rbx, ulong rcx, ulong rdx, ulong* rbxOut)
    {
        ulong value = 0;
        int result = Ask(context, host => host.Encls(leaf, rbx, rcx, rdx, out value), Refused);
        if (rbxOut != null)
        {
            *rbxOut = value;
        }

        return result;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint ReadUser(nint context, ulong mm, void* to, ulong from, nuint length) =>
        Ask(context, host => host.ReadUser(mm, from, new Span<byte>(to, checked((int)length))), false) ? 0 : length;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint WriteUser(nint context, ulong mm, ulong to, void* from, nuint length) =>
        Ask(context, host => host.WriteUser(mm, to, new ReadOnlySpan<byte>(from, checked((int)length))), false) ? 0 : length;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void EntrySet(nint context, ulong mm, ulong address, ulong frame, ulong flags) =>
        Tell(context, host => host.EntrySet(mm, address, frame));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void EntriesCleared(nint context, ulong mm, ulong address, ulong length) =>
        Tell(context, host => host.EntriesCleared(mm, address, length));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int IsYoung(nint context, ulong mm, ulong address) =>
        Ask(context, host => host.TestAndClearYoung(mm, address), false) ? 1 : 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Interrupt(nint context) => Tell(context, host => host.Interrupt());

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int SignalPending(nint context, ulong mm) => Ask(context, host => host.IsSignalPending(mm), false) ? 1 : 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Cpuid(nint context, uint leaf, uint subleaf, uint* registers) =>
        Tell(context, host => host.Cpuid(leaf, subleaf, new Span<uint>(registers, 4)));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int HasFeature(nint context, int feature) => Ask(context, host => host.HasFeature(feature), false) ? 1 : 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void WriteMsr(nint context, uint number, ulong value) => Tell(context, host => host.WriteMsr(number, value));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Sha256(nint context, void* data, nuint length, void* digest) =>
        Tell(context, host => host.Sha256(new ReadOnlySpan<byte>(data, checked((int)length)), new Span<byte>(digest, 32)));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Log(nint context, int level, byte* text)
    {
        string line = Marshal.PtrToStringUTF8((nint)text)!.TrimEnd('\n');
        Tell(context, host => host.Log(level, line));
    }

    private static void Tell(nint context, Action<IKernelDriverHost> word) => Ask(context, host =>
    {
        word(host);
        return 0;
    }, 0);
}
