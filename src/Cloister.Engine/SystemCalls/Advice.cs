using System.Buffers.Binary;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>madvise and process_madvise where the device is concerned, whose mappings are VM_IO, VM_PFNMAP,
/// VM_DONTEXPAND and VM_DONTDUMP (sgx_mmap).</summary>
internal static class Advice
{
    private const int Normal = 0, Sequential = 2, WillNeed = 3, Remove = 9, DontFork = 10, Mergeable = 12, Unmergeable = 13, HugePage = 14,
        NoHugePage = 15,
        DontDump = 16, WipeOnFork = 18, KeepOnFork = 19, HardwarePoison = 100, SoftOffline = 101;

    /// <summary>Answers madvise.</summary>
    public static Answer Advise(ISgxDriver driver, TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        int advice = (int)r.Rdx;
        return RangeCalls.ByPiece(thread, r.Rdi, r.Rsi,
            (start, end) => new RemoteCalls().Add(SystemCall.Madvise, start, end - start, (ulong)advice).Run(thread)[0],
            mapping => Of(driver, thread, mapping, advice));
    }

    /// <summary>Answers process_madvise: it ends before the first range that refuses.</summary>
    public static Answer AdviseProcess(ISgxDriver driver, IEnumerable<TracedThread> threads, TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong descriptor, ulong vectors, ulong count, int advice, ulong flags) = (r.Rdi, r.Rsi, r.Rdx, (int)r.R10, r.R8);
        const ulong most = 1024; // UIO_MAXIOV
        byte[] ranges = new byte[count <= most ? count * 16 : 0];
        AddressSpace? target = TargetOf(threads, thread, (int)descriptor);
        if (target is null || ranges.Length == 0 || !thread.Space.Memory.TryRead(vectors, ranges))
        {
            return Answer.Pass;
        }

        for (int at = 0; at < ranges.Length; at += 16)
        {
            ulong start = BinaryPrimitives.ReadUInt64LittleEndian(ranges.AsSpan(at)),
                length = BinaryPrimitives.ReadUInt64LittleEndian(ranges.AsSpan(at + 8));
            foreach (EnclaveMapping mapping in target.Mappings.Within(start, start + length))
            {
                if (advice != DontFork && Of(driver, thread, mapping, advice) is < 0 and var refusal)
                {
                    return Answer.Made(at == 0 ? refusal
                        : new RemoteCalls().Add(SystemCall.ProcessMadvise, descriptor, vectors, (ulong)at / 16, (ulong)advice, flags)
                        .Run(thread)[0]);
                }
            }
        }

        return Answer.Pass;
    }

    // mm/madvise.c, madvise_vma_behavior and what it calls, for those flags. What the host's kernel cannot do at all
    // it says of this mapping as well.
    private static long Of(ISgxDriver driver, TracedThread thread, EnclaveMapping mapping, int advice)
    {
        long Pass(int passed) => new RemoteCalls().Add(SystemCall.Madvise, mapping.Start, mapping.End - mapping.Start, (ulong)passed)
            .Run(thread)[0];
        switch (advice)
        {
            case >= Normal and <= Sequential or DontDump:
                return 0;
            case WillNeed:
                return -(long)Populate(driver, thread.Space, mapping.Start, mapping.End);
            case Remove:
                // The file of a device: vfs_fallocate.
                return -(long)Errno.ENODEV;
            case DontFork:
                thread.Space.Mappings.Add(mapping with { CopiesOnFork = false });
                return Pass(DontFork);
            case Mergeable or Unmergeable or WipeOnFork or KeepOnFork:
                return Pass(advice);
            case HugePage or NoHugePage:
                // Both do nothing to the device, and huge pages would be no help to us.
                return Pass(NoHugePage);
            case HardwarePoison or SoftOffline:
                const int administer = 21; // CAP_SYS_ADMIN
                return (Credentials.Of(thread.Id, real: false).Capabilities >> administer & 1) != 0 ? -(long)Errno.EFAULT
                : -(long)Errno.EPERM;
            default:
                return -(long)Errno.EINVAL;
        }
    }

    /// <summary>Pages of a range before they are touched; EINVAL before EINIT, and a full EPC is where advice ends.</summary>
    public static Driver.DriverError Populate(ISgxDriver driver, AddressSpace space, ulong start, ulong end)
    {
        foreach (EnclaveMapping part in space.Mappings.Within(start, end))
        {
            if (part.File.Enclave is { } enclave && part.Allows(MemoryProtection.Read)
                && driver.Legacy?.Populate(enclave, space, new LinearAddress(part.Start), new LinearAddress(part.End),
                (Protection)part.Protection) is Driver.DriverError.EINVAL and var error)
            {
                return error;
            }
        }

        return Driver.DriverError.None;
    }

    // The address space that a pidfd of the thread stands for, if it is one of the machine's.
    private static AddressSpace? TargetOf(IEnumerable<TracedThread> threads, TracedThread thread, int descriptor)
    {
        ReadOnlySpan<byte> information = HostFile.TryRead(ProcPath.Of(thread.Id, "fdinfo/" + descriptor.ToString(provider: null)));
        return ProcText.Number(ProcText.Field(information, "Pid:"u8)) is { } process
            ? threads.FirstOrDefault(other => other.Process.Id == (int)process)?.Space
            : null;
    }
}
