using System.Buffers.Binary;
using System.Text;
using Cloister.Engine.Devices;
using Cloister.Engine.Instructions;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>Files that a machine with SGX has: the device nodes, the flags in /proc/cpuinfo, the size of the EPC in sysfs.</summary>
internal sealed class SpecialFiles(DeviceFiles files, EpcMemory epc, CpuidEmulator cpuid, EngineOptions options)
{
    private readonly ServedPlaces _served = new(options);

    /// <summary>open, stat, access and their kin, by path.</summary>
    public Answer ByPath(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        long number = (long)r.OrigRax;
        bool old = number is SystemCall.Open or SystemCall.Stat or SystemCall.Lstat or SystemCall.Access;
        string? path = AskedPath.Of(thread, old ? r.Rdi : r.Rsi, _served);
        if (path is null)
        {
            return Answer.Pass;
        }

        if (NodeOf(thread, path) is { } node)
        {
            switch (number)
            {
                case SystemCall.Open: return Open(thread, node, (int)r.Rsi);
                case SystemCall.Openat: return Open(thread, node, (int)r.Rdx);
                case SystemCall.Openat2: return Open(thread, node, ReadFlags(thread, r.Rdx));
                case SystemCall.Stat or SystemCall.Lstat: return Stat(thread, node, r.Rsi);
                case SystemCall.Newfstatat: return Stat(thread, node, r.Rdx);
                case SystemCall.Statx: return Statx(thread, node, r.R8);
                case SystemCall.Access: return Access(thread, node, (int)r.Rsi, 0);
                case SystemCall.Faccessat: return Access(thread, node, (int)r.Rdx, 0);
                default: return Access(thread, node, (int)r.Rdx, (int)r.R10);
            }
        }

        if (_served.Find(thread, path) is { } served)
        {
            switch (number)
            {
                // What is not to be had is as if it were not there: the kernel answers.
                case SystemCall.Open or SystemCall.Openat or SystemCall.Openat2 when served.IsSocket:
                    return Answer.Made(
                    -(long)Errno.ENXIO);
                case SystemCall.Open or SystemCall.Openat or SystemCall.Openat2: break;
                case SystemCall.Stat or SystemCall.Lstat: return Stat(thread, served, r.Rsi);
                case SystemCall.Newfstatat: return Stat(thread, served, r.Rdx);
                case SystemCall.Statx: return Statx(thread, served, r.R8);
                default: return Answer.Made(0);
            }
        }

        if (number is SystemCall.Open or SystemCall.Openat or SystemCall.Openat2 && Contents(thread, path) is { } contents)
        {
            int flags = number switch
            {
                SystemCall.Open => (int)r.Rsi,
                SystemCall.Openat => (int)r.Rdx,
                _ => ReadFlags(thread, r.Rdx),
            };
            return OpenContents(thread, contents, flags);
        }

        if (KernelFiles.IsSgxSize(path) && number is not (SystemCall.Open or SystemCall.Openat or SystemCall.Openat2))
        {
            return Answer.Made(0);
        }

        return Answer.Pass;
    }

    /// <summary>connect(2) to a UNIX socket that a service of this process stands behind: the program's socket is
    /// connected to the service's.</summary>
    public Answer Connect(TracedThread thread)
    {
        const int family = 2, longest = 110; // struct sockaddr_un: uapi linux/un.h
        const ushort unix = 1; // AF_UNIX
        ref readonly UserRegisters r = ref thread.Peek();
        Span<byte> address = stackalloc byte[longest];
        if (r.Rdx <= family || r.Rdx > longest || !thread.Space.Memory.TryRead(r.Rsi, address[..(int)r.Rdx])
            || BinaryPrimitives.ReadUInt16LittleEndian(address) != unix
            || _served.Address(address[family..(int)r.Rdx],
            () => Dumpable.Reach(thread, () => ProcPath.Directory(thread.Id))) is not { } name)
        {
            return Answer.Pass;
        }

        byte[] served = [(byte)unix, 0, 0, .. Encoding.UTF8.GetBytes(name)];
        return Answer.Made(new RemoteCalls().WithData(served).Add(SystemCall.Connect, r.Rdi, RemoteCalls.DataAddress, (ulong)served.Length)
            .Run(thread)[0]);
    }

    /// <summary>fstat of a device descriptor tells a character device.</summary>
    public Answer Fstat(TracedThread thread, int descriptor, ulong buffer)
    {
        if (files.Find(thread, descriptor) is { } file)
        {
            return Stat(thread, file.Node, buffer);
        }

        return Answer.Pass;
    }

    /// <summary>fstatat with AT_EMPTY_PATH is fstat when the path is empty.</summary>
    public static bool HasEmptyPath(TracedThread thread)
    {
        Span<byte> first = stackalloc byte[1];
        return thread.Space.Memory.TryRead(thread.Peek().Rsi, first) && first[0] == 0;
    }

    // A descriptor's link in /proc leads to the node that was opened.
    private DeviceNode? NodeOf(TracedThread thread, string path)
    {
        if (!path.StartsWith("/proc/", StringComparison.Ordinal) && !path.StartsWith("/dev/fd/", StringComparison.Ordinal))
        {
            return NodeOf(path);
        }

        return AskedPath.DescriptorOf(thread, path) is var (owner, descriptor)
            ? (owner == thread.Id ? files.Find(thread, descriptor) : files.Find(ProcPath.OfDescriptor(owner, descriptor)))?.Node : null;
    }

    private DeviceNode? NodeOf(string path) => DeviceNames.Find(options.Driver.Generation, path);

    private byte[]? Contents(TracedThread thread, string path) => KernelFiles.Contents(path, epc.PageCount, cpuid, options.Machine.Cpu)
        ?? _served.Contents(thread, path);

    private Answer Open(TracedThread thread, DeviceNode node, int flags)
    {
        if ((flags & FileFlags.Directory) != 0)
        {
            return Answer.Made(-(long)Errno.ENOTDIR);
        }

        if (!Credentials.Of(thread.Id, real: false).MayOpen(options.Nodes.Of(node), Wanted(flags)))
        {
            return Answer.Made(-(long)Errno.EACCES);
        }

        long descriptor = MemoryFiles.Make(thread, node.ToString(), (flags & FileFlags.CloseOnExec) != 0);
        if (descriptor < 0)
        {
            return Answer.Made(descriptor);
        }

        files.CheckLifetimes(null);
        Errno error = files.Open(thread, (int)descriptor, node, flags, out _);
        if (error is not (Errno.None or Errno.EBADF))
        {
            MemoryFiles.GiveBack(thread, descriptor, error);
            return Answer.Made(-(long)error);
        }

        // With EBADF another thread has closed the new number or put a file in its place: as if it had come a moment later.
        return Answer.Made(descriptor);
    }

    private static Answer OpenContents(TracedThread thread, byte[] contents, int flags)
    {
        long descriptor = MemoryFiles.Make(thread, "file", (flags & FileFlags.CloseOnExec) != 0);
        int taken = descriptor < 0 ? -(int)Errno.EBADF : MemoryFiles.Take(thread, (int)descriptor);
        if (taken >= 0)
        {
            Errno error = HostKernel.WriteAt(taken, contents, 0);
            _ = MappedFile.SealContents(taken);
            HostKernel.Close(taken);
            taken = -(int)error;
        }

        if (descriptor >= 0 && taken is not (0 or -(int)Errno.EBADF))
        {
            MemoryFiles.GiveBack(thread, descriptor, (Errno)(-taken));
            descriptor = taken;
        }

        return Answer.Made(descriptor);
    }

    private static int ReadFlags(TracedThread thread, ulong openHow)
    {
        Span<byte> flags = stackalloc byte[8];
        return thread.Space.Memory.TryRead(openHow, flags) ? (int)BinaryPrimitives.ReadUInt64LittleEndian(flags) : 0;
    }

    // The access mode 3 asks for both. fs/open.c, ACC_MODE.
    private static uint Wanted(int flags) => (flags & FileFlags.AccessMode) switch
    {
        0 => Credentials.Read,
        1 => Credentials.Write,
        _ => Credentials.Read | Credentials.Write,
    };

    private Answer Access(TracedThread thread, DeviceNode node, int mode, int flags) =>
        Answer.Made(FileDescription.AccessNode(options.Nodes.Of(node), thread.Id, mode, flags));

    private Answer Stat(TracedThread thread, DeviceNode node, ulong buffer) => Stat(thread, Describe(node), buffer);

    private Answer Statx(TracedThread thread, DeviceNode node, ulong buffer) => Statx(thread, Describe(node), buffer);

    private FileDescription Describe(DeviceNode node) => FileDescription.OfNode(node, options.Nodes.Of(node));

    private static Answer Stat(TracedThread thread, FileDescription file, ulong buffer)
    {
        Span<byte> stat = stackalloc byte[FileDescription.StatLength];
        file.WriteStat(stat);
        return Answer.Made(thread.Space.Memory.TryWrite(buffer, stat) ? 0 : -(long)Errno.EFAULT);
    }

    private static Answer Statx(TracedThread thread, FileDescription file, ulong buffer)
    {
        Span<byte> stat = stackalloc byte[FileDescription.StatxLength];
        file.WriteStatx(stat);
        return Answer.Made(thread.Space.Memory.TryWrite(buffer, stat) ? 0 : -(long)Errno.EFAULT);
    }
}
