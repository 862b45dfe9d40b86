using System.Buffers.Binary;
using System.Text;
using Cloister.Engine.Devices;
using Cloister.Engine.Instructions;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>Answers for programs that are not traced: about device nodes and files of a machine with SGX, and when a program must be traced
/// from now on. For traced ones as well, which ask the same listener. Knows no thread, and runs beside the tracer.</summary>
/// <param name="options">What the machine was made with.</param>
/// <param name="epcPages">Pages of its EPC.</param>
/// <param name="cpuid">CPUID as it answers it: nobody else may use this one.</param>
/// <param name="isHeld">Whether a thread is traced.</param>
internal sealed class UntracedCalls(EngineOptions options, int epcPages, CpuidEmulator cpuid, Predicate<int> isHeld)
{
    private const int LongestPath = 4096, MostInterpreters = 5; // PATH_MAX; fs/exec.c, exec_binprm
    private readonly ServedPlaces _served = new(options);

    /// <summary>What files say.</summary>
    public SgxMentions Mentions { get; } = new();

    /// <summary>What becomes of a call.</summary>
    public UntracedAnswer Of(in SeccompCall call) => call.Number switch
    {
        (int)SystemCall.Execve => Executes(call.Thread, "cwd", call.A),
        (int)SystemCall.Execveat => Executes(call.Thread, (int)call.A == -100 ? "cwd" : $"fd/{(int)call.A}", call.B),
        (int)SystemCall.Connect => Connects(call),
        _ => ByPath(call),
    };

    /// <summary>Whether a program speaks of SGX that a thread executes, or what interprets it.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="directory">Where a relative path begins, below /proc/ID.</param>
    /// <param name="path">Its path.</param>
    public bool Speaks(int thread, string directory, string path)
    {
        string? at = path;
        for (int i = 0; i < MostInterpreters && at is not null; i++)
        {
            if (Mentions.Of(FileOf(thread, directory, at), out at))
            {
                return true;
            }
        }

        return false;
    }

    private UntracedAnswer Executes(int thread, string directory, ulong address) => !isHeld(thread)
        && PathAt(thread, address, stackalloc byte[LongestPath]) is var path && !path.IsEmpty | directory != "cwd"
        && Speaks(thread, directory, Encoding.UTF8.GetString(path)) ? UntracedAnswer.HoldAndPass : UntracedAnswer.Pass;

    private UntracedAnswer Connects(in SeccompCall call)
    {
        const int family = 2, longest = 110; // struct sockaddr_un: uapi linux/un.h
        const ushort unix = 1; // AF_UNIX
        Span<byte> address = stackalloc byte[longest];
        return call.C is <= family or > longest ? UntracedAnswer.Pass
            : ForeignMemory.Read(call.Thread, call.B, address[..(int)call.C]) != (int)call.C ? Unseen(call.Thread)
            : BinaryPrimitives.ReadUInt16LittleEndian(address) == unix && _served.MayLead(address[family..(int)call.C])
            ? UntracedAnswer.Hold : UntracedAnswer.Pass;
    }

    private UntracedAnswer ByPath(in SeccompCall call)
    {
        long number = call.Number;
        bool old = number is SystemCall.Open or SystemCall.Stat or SystemCall.Lstat or SystemCall.Access;
        bool opens = number is SystemCall.Open or SystemCall.Openat or SystemCall.Openat2;
        ReadOnlySpan<byte> bytes = PathAt(call.Thread, old ? call.A : call.B, stackalloc byte[LongestPath]);
        if (bytes.IsEmpty)
        {
            return Unseen(call.Thread);
        }

        bool isLibrary = opens && bytes.IndexOf(".so"u8) >= 0;
        if (!isLibrary && !AskedPath.MayMatter(bytes))
        {
            return UntracedAnswer.Pass;
        }

        string asked = Encoding.UTF8.GetString(bytes);
        string path = asked.StartsWith('/') ? asked : Path.Combine(ProcPath.Directory(call.Thread) ?? "/", asked);
        path = Path.GetFullPath(path);
        if (DeviceNames.Find(options.Driver.Generation, path) is { } node)
        {
            return opens ? UntracedAnswer.Hold : OfNode(call, node);
        }

        if (_served.MayBeAt(path))
        {
            return UntracedAnswer.Hold;
        }

        if (path.Contains("/fd/", StringComparison.Ordinal))
        {
            // It may lead to an open file of the device, which nobody has who is not traced.
            return isHeld(call.Thread) ? UntracedAnswer.Hold : UntracedAnswer.Pass;
        }

        if (opens && KernelFiles.Contents(path, epcPages, cpuid, options.Machine.Cpu) is { } contents)
        {
            return new UntracedAnswer(UntracedKind.File, 0, contents, (FlagsOf(call) & FileFlags.CloseOnExec) != 0);
        }

        return KernelFiles.IsSgxSize(path) && !opens ? UntracedAnswer.Made(0)
            : isLibrary && !isHeld(call.Thread) && Mentions.Of(FileOf(call.Thread, "cwd", asked), out _) ? UntracedAnswer.Hold
            : UntracedAnswer.Pass;
    }

    private UntracedAnswer OfNode(in SeccompCall call, DeviceNode node)
    {
        DeviceAccess access = options.Nodes.Of(node);
        var file = FileDescription.OfNode(node, access);
        switch ((long)call.Number)
        {
            case SystemCall.Access: return UntracedAnswer.Made(FileDescription.AccessNode(access, call.Thread, (int)call.B, 0));
            case SystemCall.Faccessat: return UntracedAnswer.Made(FileDescription.AccessNode(access, call.Thread, (int)call.C, 0));
            case SystemCall.Faccessat2:
                return UntracedAnswer.Made(FileDescription.AccessNode(access, call.Thread, (int)call.C, (int)call.D));
            case SystemCall.Statx:
                Span<byte> extended = stackalloc byte[FileDescription.StatxLength];
                file.WriteStatx(extended);
                return Written(call.Thread, call.E, extended);
            default:
                Span<byte> stat = stackalloc byte[FileDescription.StatLength];
                file.WriteStat(stat);
                return Written(call.Thread, call.Number == SystemCall.Newfstatat ? call.C : call.B, stat);
        }
    }

    private UntracedAnswer Written(int thread, ulong address, ReadOnlySpan<byte> bytes) => ForeignMemory.TryWrite(thread, address, bytes)
        ? UntracedAnswer.Made(0) : isHeld(thread) ? UntracedAnswer.Hold : UntracedAnswer.Made(-(long)Errno.EFAULT);

    // A process that is not dumpable shows its memory to who has opened it before. ptrace(2), "Ptrace access mode checking".
    private UntracedAnswer Unseen(int thread) => isHeld(thread) ? UntracedAnswer.Hold : UntracedAnswer.Pass;

    private static int FlagsOf(in SeccompCall call)
    {
        Span<byte> flags = stackalloc byte[8];
        return (long)call.Number switch
        {
            SystemCall.Open => (int)call.B,
            SystemCall.Openat => (int)call.C,
            _ => ForeignMemory.Read(call.Thread, call.C, flags) == 8 ? (int)BinaryPrimitives.ReadUInt64LittleEndian(flags) : 0,
        };
    }

    private static ReadOnlySpan<byte> PathAt(int thread, ulong address, Span<byte> room)
    {
        ReadOnlySpan<byte> read = room[..ForeignMemory.Read(thread, address, room)];
        return read[..Math.Max(0, read.IndexOf((byte)0))];
    }

    private static string FileOf(int thread, string directory, string path) => path.StartsWith('/') ? ProcPath.Of(thread, "root" + path)
        : ProcPath.Of(thread, path.Length == 0 ? directory : $"{directory}/{path}");
}
