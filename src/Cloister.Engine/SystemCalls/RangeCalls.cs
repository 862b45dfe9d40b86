using System.Buffers.Binary;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>System calls on a range of memory that may hold mappings of the device: what Linux answers for VM_IO and VM_PFNMAP.</summary>
internal static class RangeCalls
{

    /// <summary>Does a call mapping by mapping, as the kernel does: one that is missing is told at the end, another error ends it
    /// (mm/madvise.c, mm/msync.c).</summary>
    /// <param name="thread">The thread at the call.</param>
    /// <param name="start">The range as the program gave it.</param>
    /// <param name="length">Its length as the program gave it.</param>
    /// <param name="ordinary">Makes the call for what is not the device's.</param>
    /// <param name="device">Answers it for a part of the device's.</param>
    public static Answer ByPiece(TracedThread thread, ulong start, ulong length, Func<ulong, ulong, long> ordinary, Func<EnclaveMapping,
        long> device)
    {
        ulong end = start + HostPage.Whole(length);
        List<(ulong Start, ulong End, EnclaveMapping? Device)> pieces = HostPage.IsMultiple(start) && end > start
            ? thread.Space.Mappings.Pieces(start, end) : [];
        if (pieces.TrueForAll(piece => piece.Device is null))
        {
            return Answer.Pass;
        }

        long missing = 0;
        foreach ((ulong first, ulong last, EnclaveMapping? mapping) in pieces)
        {
            long answer = mapping is null ? ordinary(first, last) : device(mapping);
            if (answer == -(long)Errno.ENOMEM)
            {
                missing = answer;
            }
            else if (answer < 0)
            {
                return Answer.Made(answer);
            }
        }

        return Answer.Made(missing);
    }

    /// <summary>msync: the device has nothing to be synchronised with (fs/sync.c, vfs_fsync_range).</summary>
    public static Answer Synchronize(TracedThread thread)
    {
        const int asynchronous = 1, synchronous = 4;
        ref readonly UserRegisters r = ref thread.Peek();
        int flags = (int)r.Rdx;
        if ((flags & (asynchronous | synchronous)) == (asynchronous | synchronous) || (uint)flags > 7)
        {
            return Answer.Pass;
        }

        return ByPiece(thread, r.Rdi, r.Rsi,
            (start, end) => new RemoteCalls().Add(SystemCall.Msync, start, end - start, (ulong)flags).Run(thread)[0],
            _ => (flags & synchronous) != 0 ? -(long)Errno.EINVAL : 0);
    }

    /// <summary>mincore: the device has no page cache, so nothing of it is there (mm/mincore.c, mincore_unmapped_range).</summary>
    public static Answer TellResidence(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong end, ulong vector) = (r.Rdi, r.Rdi + HostPage.Whole(r.Rsi), r.Rdx);
        List<EnclaveMapping> parts = end > start ? thread.Space.Mappings.Within(start, end) : [];
        if (parts.Count > 0)
        {
            return Answer.PassThen(t =>
            {
                byte[] zeros = new byte[4096];
                foreach (EnclaveMapping part in (long)t.Peek().Rax == 0 ? parts : [])
                {
                    for (ulong at = (part.Start - start) >> 12, last = (part.End - start) >> 12; at < last; at += (ulong)zeros.Length)
                    {
                        _ = t.Space.Memory.TryWrite(vector + at, zeros.AsSpan(0, (int)Math.Min(last - at, (ulong)zeros.Length)));
                    }
                }
            });
        }

        return Answer.Pass;
    }

    /// <summary>remap_file_pages: the device is mapped anew in the same place, for its offset means nothing.</summary>
    public static Answer RemapFilePages(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong length, ulong protection) = (HostPage.Start(r.Rdi), HostPage.Start(r.Rsi), r.Rdx);
        List<(ulong Start, ulong End, EnclaveMapping? Device)> pieces = start + length > start
            ? thread.Space.Mappings.Pieces(start, start + length) : [];
        if (pieces.TrueForAll(piece => piece.Device is null))
        {
            return Answer.Pass;
        }

        // mm/mmap.c: mappings that follow on each other, of one file and with the same rights.
        EnclaveMapping? first = pieces[0].Device;
        bool isOne = protection == 0 && pieces.TrueForAll(piece => piece.Device is { } mapping && mapping.File == first?.File
            && mapping.Protection == first.Protection);
        return Answer.Made(isOne ? 0 : -(long)Errno.EINVAL);
    }

    /// <summary>ioctl(UFFDIO_REGISTER) and its reverse: a userfaultfd of the program's own cannot watch the device
    /// (fs/userfaultfd.c, vma_can_userfault).</summary>
    public static Answer Watch(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        Span<byte> range = stackalloc byte[16];
        if ((uint)r.Rsi is Userfaultfd.RegisterRequest or Userfaultfd.UnregisterRequest && thread.Space.Memory.TryRead(r.Rdx, range))
        {
            ulong start = BinaryPrimitives.ReadUInt64LittleEndian(range), length = BinaryPrimitives.ReadUInt64LittleEndian(range[8..]);
            if (thread.Space.Mappings.Within(start, start + length).Count > 0)
            {
                return Answer.Made(-(long)Errno.EINVAL);
            }
        }

        return Answer.Pass;
    }
}
