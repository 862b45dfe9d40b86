using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Engine.Memory;

/// <summary>One open file of a device node: a memfd whose offset is the linear address, so that it can be mapped
/// before the enclave's base is known.</summary>
/// <remarks>It is found by its inode, so that dup, fork and descriptor passing need no tracking.</remarks>
internal sealed class EnclaveFile : IEnclaveStorage, IPageBytes, IDisposable
{
    /// <summary>Bytes of the file: all of user space, sparse.</summary>
    public const long FileLength = 1L << 47;

    private readonly EpcMemory _memory;
    private readonly SparseFile _file;
    private ulong _removedStart, _removedEnd;
    private readonly byte[] _page = new byte[4096];
    private readonly int _openFlags;
    private ExpectedPages _expected;

    public EnclaveFile(EpcMemory memory, int descriptor, DeviceNode node, int openFlags = FileFlags.ReadWrite)
    {
        _openFlags = openFlags;
        _memory = memory;
        Node = node;
        _ = HostKernel.TryStat(descriptor, out ulong device, out ulong inode);
        Identity = (device, inode);
        _file = new SparseFile(descriptor);
        Planted = new PlantedBreakpoints(at => Byte(at), (at, value) => (Byte(at) = value) == value);
    }

    /// <summary>Which node it is.</summary>
    public DeviceNode Node { get; }

    /// <summary>Whether it was opened for an access, of PROT_READ and PROT_WRITE.</summary>
    public bool Allows(int access) => (_openFlags & FileFlags.AccessMode) switch
    {
        0 => access == MemoryProtection.Read,
        1 => access == MemoryProtection.Write,
        _ => true,
    };

    /// <summary>Device and inode of the memfd.</summary>
    public (ulong Device, ulong Inode) Identity { get; }

    /// <summary>Whether anything refers to the open file that the program got: a descriptor anywhere, or a mapping.</summary>
    public bool IsOpen => OpenFileHold.IsTaken(_file.Descriptor);

    /// <summary>Nobody has it open or mapped any more: its memory goes as a whole.</summary>
    public bool IsReleased { get; set; }

    /// <summary>The driver's side of an enclave's file.</summary>
    public IOpenEnclave? Enclave { get; set; }

    /// <summary>Whether the filter that refuses system calls from inside was made for a bound mapping's enclave.</summary>
    public bool RefusesSystemCalls { get; set; }

    /// <summary>The driver's side of a virtual EPC's file.</summary>
    public IOpenVirtualEpc? VirtualEpc { get; set; }

    /// <summary>The address spaces that have mapped it.</summary>
    public List<IFileView> Views { get; } = [];

    /// <summary>An address space has mapped it.</summary>
    public void NoteMapped(IFileView space)
    {
        if (!Views.Contains(space))
        {
            Views.Add(space);
        }
    }

    /// <summary>Its illegal instructions that were found.</summary>
    public IllegalSites IllegalSites { get; } = new();

    /// <summary>A debugger's breakpoints in its pages.</summary>
    public PlantedBreakpoints Planted { get; }

    /// <summary>Hears what becomes of its pages.</summary>
    public IPageObserver? Observer { get; init; }

    /// <summary>Linear address of the enclave's first byte; 0 for a virtual EPC.</summary>
    public ulong Base => Enclave?.Base.Value ?? 0;

    /// <summary>The 4096 bytes of the page at an offset in the enclave.</summary>
    public Span<byte> Bytes(ulong offset)
    {
        _expected.Touch(offset);
        if (!_file.IsLimited)
        {
            _file.Limit((long)Base, Enclave is { } enclave ? Math.Min((long)(Base + enclave.Size), FileLength) : FileLength);
        }

        try
        {
            return _file.Slice((long)(Base + offset), 4096);
        }
        catch (LinuxException e)
        {
            throw new NoMemoryException(e.Call, e.Errno);
        }
    }

    // A range may lie where no program can map it: a server's ELRANGE is 2^56 bytes at most, or begins in the upper half. Such pages
    // are the machine's alone, as a SECS is.
    private bool IsMappable(ulong offset, ulong length)
    {
        const ulong end = (ulong)FileLength;
        return Base < end && offset <= end - Base && length <= end - Base - offset;
    }

    /// <inheritdoc/>
    public void Place(EpcPage page, ulong offset)
    {
        FlushPunches();
        if (IsMappable(offset, 4096))
        {
            _memory.Place(page, this, offset);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Written to the file: the kernel need not zero the pages first, nor map them one by one.</remarks>
    public void Expect(ulong offset, ReadOnlyMemory<byte> contents)
    {
        ExpectNoMore();
        if (!IsMappable(offset, (ulong)contents.Length))
        {
            return;
        }

        Write(offset, contents.Span);
        _expected.Begin(offset, contents);
    }

    /// <inheritdoc/>
    public void ExpectNoMore()
    {
        (ulong start, ulong end) = _expected.End();
        if (end > start)
        {
            _file.Punch((long)(Base + start), (long)(end - start));
        }
    }

    /// <summary>Gives a page its contents, unless it was expected and has them.</summary>
    public void Fill(ulong offset, ReadOnlySpan<byte> contents)
    {
        if (!_expected.Take(offset))
        {
            Write(offset, contents);
        }

        if (Node == DeviceNode.Enclave)
        {
            Observer?.Filled(this, Base + offset);
        }
    }

    /// <summary>The bytes of a page as the program wrote them, to read at once.</summary>
    /// <remarks>A page that only programs have mapped is read from the file: mapping it here as well, and out again
    /// when it goes, costs more.</remarks>
    public ReadOnlySpan<byte> Contents(ulong offset)
    {
        if (_expected.LastTaken(offset) is { IsEmpty: false } contents)
        {
            return contents;
        }

        ReadOnlySpan<byte> raw = RawContents(offset);
        if (IllegalSites.IsEmpty && Planted.IsEmpty)
        {
            return raw;
        }

        IllegalSites.Restore(_page, Base + offset);
        Planted.Restore(_page, Base + offset);
        return _page;
    }

    private ReadOnlySpan<byte> RawContents(ulong offset)
    {
        Errno error = _file.Read((long)(Base + offset), _page);
        return error == Errno.None ? _page : throw new NoMemoryException("pread", error);
    }

    /// <inheritdoc/>
    public void Remove(EpcPage page, ulong offset)
    {
        _memory.Remove(page);
        ForgetSites(Base + offset);
        if (IsReleased || !IsMappable(offset, 4096))
        {
            return;
        }

        Observer?.Changed(this, offset);
        if (offset != _removedEnd)
        {
            FlushPunches();
            _removedStart = offset;
        }

        _removedEnd = offset + 4096;
    }

    /// <summary>Takes the memory of removed pages away, a run of them at once. Called before a page is placed and
    /// before any thread runs on.</summary>
    public void FlushPunches()
    {
        if (_removedEnd > _removedStart)
        {
            (ulong start, ulong end) = (_removedStart, _removedEnd);
            _removedStart = _removedEnd = 0;
            Punch(start, end - start);
        }
    }

    /// <summary>Gives pages their memory at once; otherwise each gets it when it is reached first. It is zeroed when
    /// a program has it mapped.</summary>
    public void Populate(ulong offset, int pages) => _ = _file.Allocate((long)(Base + offset), pages * 4096L);

    /// <summary>Takes the page-table entries away everywhere and keeps the bytes. Writers must have been stopped before.</summary>
    public void Unmap(ulong offset)
    {
        ReadOnlySpan<byte> copy = RawContents(offset);
        Punch(offset, 4096);
        Write(offset, copy);
    }

    private void Write(ulong offset, ReadOnlySpan<byte> contents)
    {
        Errno error = _file.Write((long)(Base + offset), contents);
        if (error != Errno.None)
        {
            throw new NoMemoryException("pwrite", error);
        }
    }

    // Every address space loses its entries.
    private void Punch(ulong offset, ulong length)
    {
        _file.Punch((long)(Base + offset), (long)length);
        foreach (IFileView space in Views)
        {
            for (ulong at = offset; at < offset + length; at += 4096)
            {
                space.NotePunched(this, at);
            }
        }
    }

    /// <summary>An instruction is none of these any more. Threads lose its breakpoint when they stop next: until then
    /// it is a stop for nothing.</summary>
    public void Unguard(IllegalSite site)
    {
        foreach (IFileView space in Views)
        {
            space.Unguard(site);
        }
    }

    private ref byte Byte(ulong address) => ref Bytes(HostPage.Start(address) - Base)[HostPage.Offset(address)];

    private void ForgetSites(ulong page)
    {
        Planted.ForgetPage(page);
        if (!IllegalSites.IsEmpty)
        {
            foreach (IllegalSite site in IllegalSites.TakePage(page))
            {
                Unguard(site);
            }
        }
    }

    /// <summary>The page at an offset has lost its bytes, and its EPCM entry is invalid: nobody can use what is still mapped.</summary>
    public void LosePower(ulong offset)
    {
        Punch(offset, 4096);
        ForgetSites(Base + offset);
        Observer?.Changed(this, offset);
        foreach (IFileView space in Views)
        {
            space.Refresh(this, offset, 1);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
