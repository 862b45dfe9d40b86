using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;
using Cloister.Processor;
using Cloister.Processor.Enclu;

namespace Cloister.Engine.Fast;

/// <summary>For each page of an enclave the SECINFO flags with which EACCEPT succeeds now, shared with the program; 0
/// where the tracer has to look.</summary>
/// <remarks>A page of header (base and size of the enclave), then two bytes for each page: the SECINFO's flags are no
/// wider. SDM 3D, SECINFO.</remarks>
internal sealed class AwaitedPages : IDisposable
{
    /// <summary>u64: first byte of the enclave.</summary>
    public const int BaseOffset = 0;

    /// <summary>u64: bytes of the enclave.</summary>
    public const int SizeOffset = 8;

    /// <summary>u16 for each page.</summary>
    public const int PagesOffset = 4096;

    private const ulong DontDump = 16; // MADV_DONTDUMP

    private readonly SparseFile _file;
    private readonly long _length;

    internal AwaitedPages(SparseFile file, ulong address, ulong start, ulong size)
    {
        _file = file;
        _length = LengthFor(size);
        _file.Limit(0, _length);
        Address = address;
        Begin(start, size);
    }

    /// <summary>Where the program has it.</summary>
    public ulong Address { get; }

    /// <summary>Maps the table of an enclave into a thread's address space; null when the kernel refuses.</summary>
    public static AwaitedPages? Create(TracedThread thread, ulong start, ulong size)
    {
        long length = LengthFor(size);
        long descriptor = MemoryFiles.Make(thread, "awaited", closeOnExec: true);
        int taken = descriptor < 0 ? (int)descriptor : MemoryFiles.Take(thread, (int)descriptor);
        if (taken < 0)
        {
            MemoryFiles.GiveBack(thread, descriptor, (Errno)(-taken));
            return null;
        }

        _ = MappedFile.Seal(taken, length);
        long address = MemoryFiles.Keep(() => HostKernel.Close(taken), () => new RemoteCalls()
            .Add(SystemCall.Mmap, 0, (ulong)length, MemoryProtection.Read | MemoryProtection.Write, MemoryProtection.Shared
            | MemoryProtection.NoReserve, (ulong)descriptor, 0)
            .Add(SystemCall.Close, (ulong)descriptor)
            .Run(thread)[0]);
        if (address < 0)
        {
            HostKernel.Close(taken);
            return null;
        }

        _ = MemoryFiles.Keep(() => HostKernel.Close(taken), () => new RemoteCalls()
            .Add(SystemCall.Madvise, (ulong)address, (ulong)length, DontDump).Run(thread));
        return new AwaitedPages(new SparseFile(taken), (ulong)address, start, size);
    }

    /// <summary>Whether an enclave of that size has room in it.</summary>
    public bool Fits(ulong size) => LengthFor(size) <= _length;

    /// <summary>An enclave's pages are to stand in it; nothing is awaited yet.</summary>
    public void Begin(ulong start, ulong size)
    {
        MemoryMarshal.Write(_file.Slice(BaseOffset, 8), start);
        MemoryMarshal.Write(_file.Slice(SizeOffset, 8), size);
    }

    /// <summary>Gives the memory back.</summary>
    public void End() => _file.Punch(0, _length);

    /// <summary>The flags that the page at an offset in the enclave awaits.</summary>
    public ref ushort this[ulong offset] => ref MemoryMarshal.AsRef<ushort>(
        _file.Slice(PagesOffset + (long)(offset >> 12) * sizeof(ushort), sizeof(ushort)));

    /// <summary>Takes over what the model says of a page.</summary>
    public void Update(SgxMachine machine, EpcPage page, ulong offset) =>
        Volatile.Write(ref this[offset], (ushort)Eaccept.Awaited(machine, page));

    /// <summary>The page is the tracer's to look at.</summary>
    public void Withdraw(ulong offset) => Volatile.Write(ref this[offset], 0);

    /// <summary>The pages of a range of the enclave are the tracer's to look at.</summary>
    public void Withdraw(ulong offset, ulong length)
    {
        // Whole pages of the table are given back: those that were never written have no memory, and get none.
        long start = PagesOffset + (long)(offset >> 12) * sizeof(ushort), end = start + (long)(length >> 12) * sizeof(ushort);
        long first = (start + 4095) & ~4095L, last = end & ~4095L;
        Clear(start, Math.Min(first, end));
        if (first < last)
        {
            _file.Punch(first, last - first);
        }

        Clear(Math.Max(first, last), end);
    }

    // Within a page.
    private void Clear(long start, long end)
    {
        if (end > start)
        {
            _file.Slice(start, (int)(end - start)).Clear();
        }
    }

    private static long LengthFor(ulong size) => PagesOffset + (long)HostPage.Whole(size >> 11);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
