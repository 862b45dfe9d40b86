using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>One open file of a device node: a memfd whose offset is the linear address, so that it can be mapped before the enclave's base is known.</summary>
/// <remarks>It is found by its inode, so that dup, fork and descriptor passing need no tracking.</remarks>
internal sealed class EnclaveFile : IEnclaveStorage, IDisposable
{
    /// <summary>Bytes of the file: all of user space, sparse.</summary>
    public const long FileLength = 1L << 47;

    private const long VirtualEpcLength = 1L << 40;

    private readonly EpcMemory _memory;
    private readonly MappedFile _file;

    public EnclaveFile(EpcMemory memory, int descriptor, DeviceNode node)
    {
        _memory = memory;
        Node = node;
        _ = HostKernel.TryStat(descriptor, out ulong device, out ulong inode);
        Identity = (device, inode);
        _file = MappedFile.Map(descriptor, 0, 0);
    }

    /// <summary>Which node it is.</summary>
    public DeviceNode Node { get; }

    /// <summary>Device and inode of the memfd.</summary>
    public (ulong Device, ulong Inode) Identity { get; }

    /// <summary>Nobody has it open or mapped any more: its memory goes as a whole.</summary>
    public bool IsReleased { get; set; }

    /// <summary>The driver's side of an enclave's file.</summary>
    public SgxEnclave? Enclave { get; set; }

    /// <summary>Whether the filter that refuses system calls from inside was made for a bound mapping's enclave.</summary>
    public bool RefusesSystemCalls { get; set; }

    /// <summary>The driver's side of a virtual EPC's file.</summary>
    public VirtualEpc? VirtualEpc { get; set; }

    /// <summary>The address spaces that have mapped it.</summary>
    public List<AddressSpace> AddressSpaces { get; } = [];

    /// <summary>Stubs that EEXIT sites in its pages jump to, and the sites: a forked program may have the pages without the stubs.</summary>
    public Dictionary<ulong, ulong> ExitStubs { get; } = [];

    /// <summary>Linear address of the enclave's first byte; 0 for a virtual EPC.</summary>
    public ulong Base => Enclave?.Base.Value ?? 0;

    /// <summary>The 4096 bytes of the page at an offset in the enclave.</summary>
    public Span<byte> Bytes(ulong offset)
    {
        if (_file.Length == 0)
        {
            _file.Window((long)Base, Enclave is { } enclave ? (long)enclave.Size : VirtualEpcLength);
        }

        return _file.Slice((long)(Base + offset), 4096);
    }

    /// <inheritdoc/>
    public void Place(EpcPage page, ulong offset) => _memory.Place(page, this, offset);

    /// <inheritdoc/>
    public void Remove(EpcPage page, ulong offset)
    {
        _memory.Remove(page);
        if (!IsReleased)
        {
            Punch(offset);
        }
    }

    /// <summary>Takes the page's memory away; every address space loses its entry.</summary>
    public void Punch(ulong offset)
    {
        _file.Punch((long)(Base + offset), 4096);
        foreach (AddressSpace space in AddressSpaces)
        {
            space.NotePunched(this, offset);
        }
    }

    /// <summary>Takes the page-table entries away everywhere and keeps the bytes. Writers must have been stopped before.</summary>
    public void Unmap(ulong offset)
    {
        Span<byte> copy = stackalloc byte[4096];
        Bytes(offset).CopyTo(copy);
        Punch(offset);
        copy.CopyTo(Bytes(offset));
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
