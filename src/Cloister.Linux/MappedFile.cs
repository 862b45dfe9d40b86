namespace Cloister.Linux;

/// <summary>A memfd mapped shared into this process: memory that a traced program can map too.</summary>
/// <remarks>The bytes are reached as spans; a range that was punched out reads as zero again.</remarks>
public sealed unsafe class MappedFile : IDisposable
{
    private const int KeepSize = 1, PunchHole = 2;
    private byte* _base;
    private int _owners = 1;

    private MappedFile(int descriptor, byte* start, long length)
    {
        Descriptor = descriptor;
        _base = start;
        Length = length;
    }

    /// <summary>The descriptor in this process.</summary>
    public int Descriptor { get; }

    /// <summary>First byte of the file that is mapped.</summary>
    public long Start { get; private set; }

    /// <summary>Mapped bytes from <see cref="Start"/>.</summary>
    public long Length { get; private set; }

    /// <summary>Creates a memfd of that length and maps it.</summary>
    public static MappedFile Create(string name, long length)
    {
        fixed (byte* p = System.Text.Encoding.UTF8.GetBytes(name + "\0"))
        {
            int descriptor = (int)NativeMethods.SystemCall(SystemCall.MemfdCreate, (long)p, 1, 0, 0, 0, 0);
            if (descriptor < 0)
            {
                throw new LinuxException("memfd_create", NativeMethods.LastError);
            }

            if (NativeMethods.SystemCall(77, descriptor, length, 0, 0, 0, 0) < 0)
            {
                Errno error = NativeMethods.LastError;
                _ = NativeMethods.Close(descriptor);
                throw new LinuxException("ftruncate", error);
            }

            return Map(descriptor, 0, length);
        }
    }

    /// <summary>Takes over a descriptor and maps a window of its file (0 bytes map nothing yet).</summary>
    public static MappedFile Map(int descriptor, long start, long length)
    {
        var file = new MappedFile(descriptor, null, 0);
        file.Window(start, length);
        return file;
    }

    /// <summary>
    /// Whether a descriptor is a memfd that a program was just made to create: named so, empty, without a name in any folder, and not
    /// sealed.
    /// </summary>
    /// <remarks>
    /// Asked before the file is written to: another thread may have put a file of its own in the number's place meanwhile.
    /// </remarks>
    public static bool IsNew(int descriptor)
    {
        // struct stat of x86-64: st_nlink 16, st_size 48. F_SEAL_EXEC (0x20) comes with vm.memfd_noexec.
        const long readLink = 89, getSeals = 1034, sealExec = 0x20;
        byte* status = stackalloc byte[144];
        byte* link = stackalloc byte[32];
        ReadOnlySpan<byte> name = "/memfd:cloister"u8;
        fixed (byte* path = System.Text.Encoding.ASCII.GetBytes(string.Concat("/proc/self/fd/", descriptor.ToString(provider: null), "\0")))
        {
            return NativeMethods.SystemCall(SystemCall.Fstat, descriptor, (long)status, 0, 0, 0, 0) == 0
                && *(ulong*)(status + 16) == 0 && *(long*)(status + 48) == 0
                && (NativeMethods.SystemCall(SystemCall.Fcntl, descriptor, getSeals, 0, 0, 0, 0) & ~sealExec) == 0
                && NativeMethods.SystemCall(readLink, (long)path, (long)link, 32, 0, 0, 0) >= name.Length
                && new ReadOnlySpan<byte>(link, name.Length).SequenceEqual(name);
        }
    }

    /// <summary>Forbids every change to a file's bytes and length (F_SEAL_WRITE, SHRINK, GROW and SEAL).</summary>
    public static Errno SealContents(int descriptor)
    {
        const long addSeals = 1033, seals = 1 | 2 | 4 | 8;
        return NativeMethods.SystemCall(SystemCall.Fcntl, descriptor, addSeals, seals, 0, 0, 0) < 0 ? NativeMethods.LastError : Errno.None;
    }

    /// <summary>
    /// Sets the file's length and forbids to change it (F_SEAL_SHRINK, GROW and SEAL), so that no program can pull it from under this
    /// process.
    /// </summary>
    public static Errno Seal(int descriptor, long length)
    {
        const long addSeals = 1033, seals = 1 | 2 | 4;
        return NativeMethods.SystemCall(77, descriptor, length, 0, 0, 0, 0) < 0
            || NativeMethods.SystemCall(SystemCall.Fcntl, descriptor, addSeals, seals, 0, 0, 0) < 0 ? NativeMethods.LastError : Errno.None;
    }

    /// <summary>Maps that window of the file instead of what was mapped.</summary>
    public void Window(long start, long length)
    {
        Unmap();
        if (length == 0)
        {
            return;
        }

        nint address = NativeMethods.Mmap(0, (nuint)length, MemoryProtection.Read | MemoryProtection.Write,
            MemoryProtection.Shared | MemoryProtection.NoReserve, Descriptor, start);
        if (address == -1)
        {
            throw new LinuxException("mmap", NativeMethods.LastError);
        }

        _base = (byte*)address;
        Start = start;
        Length = length;
    }

    /// <summary>The bytes from <paramref name="offset"/> of the file; throws when they are not mapped.</summary>
    public Span<byte> Slice(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(offset, Start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset - Start, Length - length);
        return new Span<byte>(_base + (offset - Start), length);
    }

    /// <summary>Takes a range out of the file: every process loses its page table entries, the bytes read as zero.</summary>
    public void Punch(long offset, long length)
    {
        if (NativeMethods.Fallocate(Descriptor, KeepSize | PunchHole, offset, length) < 0)
        {
            throw new LinuxException("fallocate(PUNCH_HOLE)", NativeMethods.LastError);
        }
    }

    /// <summary>Writes to the file, mapped or not. Returns the kernel's answer.</summary>
    public Errno Write(long offset, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            for (int done = 0; done < bytes.Length;)
            {
                nint written = NativeMethods.Pwrite(Descriptor, p + done, (nuint)(bytes.Length - done), offset + done);
                if (written <= 0)
                {
                    return NativeMethods.LastError;
                }

                done += (int)written;
            }
        }

        return Errno.None;
    }

    /// <summary>Reads from the file, mapped or not. Returns the kernel's answer.</summary>
    public Errno Read(long offset, Span<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            for (int done = 0; done < bytes.Length;)
            {
                nint got = NativeMethods.Pread(Descriptor, p + done, (nuint)(bytes.Length - done), offset + done);
                if (got <= 0)
                {
                    return got < 0 ? NativeMethods.LastError : Errno.EIO;
                }

                done += (int)got;
            }
        }

        return Errno.None;
    }

    /// <summary>
    /// Gives the range pages of memory, so that touching it cannot fail; bytes that are there stay. Returns the kernel's answer.
    /// </summary>
    public Errno Allocate(long offset, long length)
    {
        // A signal to this thread, as the runtime's own, ends it early: mm/shmem.c, shmem_fallocate.
        Errno error;
        do
        {
            error = NativeMethods.Fallocate(Descriptor, KeepSize, offset, length) < 0 ? NativeMethods.LastError : Errno.None;
        }
        while (error == Errno.EINTR);
        return error;
    }

    /// <summary>One more owner: <see cref="Dispose"/> must be called once more.</summary>
    public void Share() => _owners++;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (--_owners > 0)
        {
            return;
        }

        Unmap();
        _ = NativeMethods.Close(Descriptor);
        GC.SuppressFinalize(this);
    }

    private void Unmap()
    {
        if (_base != null)
        {
            _ = NativeMethods.Munmap((nint)_base, (nuint)Length);
            _base = null;
            Length = 0;
        }
    }
}
