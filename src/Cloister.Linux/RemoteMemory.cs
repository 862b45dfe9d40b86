namespace Cloister.Linux;

/// <summary>The memory of another process. Failures are values: a program may hand out any pointer.</summary>
public sealed unsafe class RemoteMemory : IDisposable
{
    private int _memory = -1;
    private bool _direct;

    /// <summary>Opens the memory of a thread that this process traces.</summary>
    /// <param name="thread">Its id.</param>
    /// <param name="direct">By process_vm_readv and process_vm_writev while the kernel has them
    /// and no sandbox forbids them; else through /proc/PID/mem.</param>
    public RemoteMemory(int thread, bool direct = true)
    {
        _direct = direct;
        Thread = thread;
        _ = Open();
    }

    /// <summary>A thread that lives in it: one that has ended has no memory, though it be the leader of a process that has.</summary>
    public int Thread { get; set; }

    /// <summary>
    /// Whether the memory file could be opened. Once open it stays usable, whatever becomes of the thread and its rights.
    /// </summary>
    public bool IsOpen => _memory >= 0;

    /// <summary>Opens the memory file if that was not permitted before.</summary>
    public Errno Open()
    {
        if (!IsOpen)
        {
            _memory = NativeMethods.Open(ProcPath.Of(Thread, "mem"), FileFlags.ReadWrite | FileFlags.CloseOnExec, 0);
            if (IsOpen && !DescriptorReserve.Allows(_memory))
            {
                Dispose();
                return Errno.EMFILE;
            }
        }

        return IsOpen ? Errno.None : NativeMethods.LastError;
    }

    /// <summary>Takes over a memory file that was opened elsewhere.</summary>
    public void Adopt(int descriptor)
    {
        Dispose();
        _memory = descriptor;
    }

    /// <summary>Whether somebody lives in it still: its last user's end takes it away. Linux, fs/proc/base.c, mem_rw.</summary>
    public bool IsAlive
    {
        get
        {
            // 0 is what is read of memory that is gone, -EIO of a place where nothing is mapped.
            byte one;
            return NativeMethods.Pread(_memory, &one, 1, 0) != 0;
        }
    }

    /// <summary>Reads with the page protection the process itself has. False when any byte cannot be read.</summary>
    public bool TryRead(ulong address, Span<byte> into)
    {
        fixed (byte* p = into)
        {
            var local = stackalloc nint[2] { (nint)p, into.Length };
            var remote = stackalloc nint[2] { (nint)address, into.Length };
            long read = _direct ? NativeMethods.SystemCall(SystemCall.ProcessVmReadv, Thread, (long)local, 1, (long)remote, 1, 0) : -1;
            return read == into.Length
                || (read < 0 && IsRefused() && Accessible(address, into.Length, write: false) == into.Length && TryPeek(address, into));
        }
    }

    /// <summary>Writes with the page protection the process itself has. False when any byte cannot be written.</summary>
    public bool TryWrite(ulong address, ReadOnlySpan<byte> from)
    {
        fixed (byte* p = from)
        {
            var local = stackalloc nint[2] { (nint)p, from.Length };
            var remote = stackalloc nint[2] { (nint)address, from.Length };
            long written = _direct ? NativeMethods.SystemCall(SystemCall.ProcessVmWritev, Thread, (long)local, 1, (long)remote, 1, 0) : -1;
            return written == from.Length
                || (written < 0 && IsRefused() && Accessible(address, from.Length, write: true) == from.Length && TryPoke(address, from));
        }
    }

    /// <summary>Reads as many bytes as can be read from the start; returns their number.</summary>
    public int ReadUpTo(ulong address, Span<byte> into)
    {
        // One element for each page: a transfer ends before the first element that cannot be read. process_vm_readv(2).
        const int pages = 64, pageSize = HostPage.Size;
        nint* remote = stackalloc nint[2 * pages];
        nint* local = stackalloc nint[2];
        int done = 0;
        while (done < into.Length)
        {
            int count = 0, end = done;
            for (; count < pages && end < into.Length; count++)
            {
                ulong at = address + (ulong)end;
                int length = (int)Math.Min((ulong)(into.Length - end), pageSize - at % pageSize);
                remote[2 * count] = (nint)at;
                remote[2 * count + 1] = length;
                end += length;
            }

            fixed (byte* p = &into[done])
            {
                (local[0], local[1]) = ((nint)p, end - done);
                long read = _direct
                    ? NativeMethods.SystemCall(SystemCall.ProcessVmReadv, Thread, (long)local, 1, (long)remote, count, 0) : -1;
                if (read < 0 && IsRefused())
                {
                    int accessible = Accessible(address + (ulong)done, end - done, write: false);
                    read = NativeMethods.Pread(_memory, p, (nuint)accessible, (long)address + done);
                }

                done += (int)Math.Max(read, 0);
            }

            if (done < end)
            {
                break;
            }
        }

        return done;
    }

    /// <summary>Reads through /proc/PID/mem, which passes page protection as a debugger does.</summary>
    public bool TryPeek(ulong address, Span<byte> into)
    {
        fixed (byte* p = into)
        {
            return NativeMethods.Pread(_memory, p, (nuint)into.Length, (long)address) == into.Length;
        }
    }

    /// <summary>Writes through /proc/PID/mem, which passes page protection as a debugger does (a private page is copied first).</summary>
    public bool TryPoke(ulong address, ReadOnlySpan<byte> from)
    {
        fixed (byte* p = from)
        {
            return NativeMethods.Pwrite(_memory, p, (nuint)from.Length, (long)address) == from.Length;
        }
    }

    /// <summary>
    /// Reads a zero-terminated string of at most <paramref name="limit"/> bytes; null when it cannot be read or does not end.
    /// </summary>
    public string? TryReadString(ulong address, int limit = 4096)
    {
        Span<byte> buffer = stackalloc byte[256];
        var bytes = new List<byte>(64);
        while (bytes.Count < limit)
        {
            int chunk = (int)Math.Min(256, HostPage.Size - ((address + (ulong)bytes.Count) & (HostPage.Size - 1)));
            Span<byte> part = buffer[..chunk];
            if (!TryRead(address + (ulong)bytes.Count, part))
            {
                return null;
            }

            int end = part.IndexOf((byte)0);
            if (end >= 0)
            {
                bytes.AddRange(part[..end]);
                return System.Text.Encoding.UTF8.GetString([.. bytes]);
            }

            bytes.AddRange(part);
        }

        return null;
    }

    // Not that the bytes are not there: the thread has just ended, or it is not dumpable and this user may not look (ptrace(2), "Ptrace
    // access mode checking"). The memory file was opened before, and access is checked then only.
    private bool IsRefused()
    {
        Errno error = _direct ? NativeMethods.LastError : Errno.ENOSYS;
        _direct &= error != Errno.ENOSYS;
        return error is Errno.EPERM or Errno.ESRCH or Errno.EACCES or Errno.ENOSYS;
    }

    // Bytes from an address on to which the process itself has access, for the memory file passes its page protection; all of them where
    // its mappings may not be looked at.
    private int Accessible(ulong address, int length, bool write)
    {
        ulong at = address, end = address + (ulong)length;
        if (end < address)
        {
            return 0;
        }

        ReadOnlySpan<byte> maps = HostFile.TryRead(ProcPath.Of(Thread, "maps"));
        if (maps.IsEmpty)
        {
            return length;
        }

        while (at < end && !maps.IsEmpty)
        {
            // 7f0123456000-7f0123458000 r-xp ...: proc_pid_maps(5).
            ReadOnlySpan<byte> line = ProcText.TakeLine(ref maps);
            ulong first = ProcText.Hexadecimal(ProcText.Take(ref line, (byte)'-')) ?? 0;
            ulong last = ProcText.Hexadecimal(ProcText.TakeWord(ref line)) ?? 0;
            if (last <= at)
            {
                continue;
            }

            if (first > at || line.Length < 2 || (write ? line[1] != 'w' : line[0] != 'r'))
            {
                break;
            }

            at = last;
        }

        return (int)(Math.Min(at, end) - address);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_memory >= 0)
        {
            _ = NativeMethods.Close(_memory);
            _memory = -1;
        }
    }
}
