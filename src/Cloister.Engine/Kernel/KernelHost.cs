using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Linux.Kernel;
using Cloister.Processor;

namespace Cloister.Engine.Kernel;

/// <summary>What the kernel's driver asks of the machine and of the kernel around it.</summary>
/// <param name="machine">The machine.</param>
/// <param name="books">Whose pages are whose.</param>
/// <param name="survivor">Drives threads out of an enclave, and does what may meet the end of threads: a driver that is C cannot be left
/// half way, and of several ends none must be forgotten.</param>
/// <param name="notice">Hears the driver's warnings.</param>
internal sealed class KernelHost(SgxMachine machine, EnclaveBooks books, ISurvivor survivor, Action<string> notice) : IKernelDriverHost
{
    private const ulong FirstFrame = 0x100000;
    private const int Worst = 0, Warning = 4, Sgx2 = 3;
    private const Protection Everything = Protection.Read | Protection.Write | Protection.Execute;
    private readonly LeafGateway _leaves = new(machine, books);

    /// <summary>The address spaces, by the names that the driver was given.</summary>
    public Dictionary<ulong, FollowedSpace> Spaces { get; } = [];

    /// <summary>The ioctl that runs.</summary>
    public KernelIoctl? Ioctl { get; set; }

    /// <summary>The one file of /dev/sgx_provision that the driver has seen.</summary>
    public nint ProvisionFile { get; set; }

    /// <summary>Page tables change because mappings do: the engine's books know it already.</summary>
    public bool IsFollowing { get; set; }

    /// <summary>Times all threads were made to leave an enclave.</summary>
    public long ForcedExits { get; private set; }

    /// <inheritdoc/>
    public bool KeepsMappings => true;

    /// <inheritdoc/>
    public bool EpcIsUnused => machine.ValidPages == 0;

    /// <summary>Where the driver believes the EPC to be.</summary>
    public Func<ulong> Epc { get; set; } = static () => 0;

    /// <summary>The page of a page frame.</summary>
    public static EpcPage PageOf(ulong frame) => new((int)(frame - FirstFrame));

    /// <inheritdoc/>
    public int Encls(uint leaf, ulong rbx, ulong rcx, ulong rdx, out ulong rbxOut)
    {
        _leaves.Epc = _leaves.Epc == 0 ? Epc() : _leaves.Epc;
        return _leaves.Execute(leaf, rbx, rcx, rdx, out rbxOut);
    }

    /// <inheritdoc/>
    public bool ReadUser(ulong addressSpace, ulong source, Span<byte> destination) =>
        Ioctl?.Caller.CopyFromUser(source, destination) == true;

    /// <inheritdoc/>
    public bool WriteUser(ulong addressSpace, ulong destination, ReadOnlySpan<byte> source) =>
        Ioctl?.Caller.CopyToUser(destination, source) == true;

    /// <inheritdoc/>
    public bool? MayExecuteMemory(ulong addressSpace, ulong address)
    {
        bool? may = null;
        if (Ioctl is { Caller: { } caller })
        {
            survivor.Do(() => may = caller.SourceIsMapped(address) ? caller.SourceMayExecute(address) : null);
        }

        return may;
    }

    /// <inheritdoc/>
    public nint FileOf(ulong addressSpace, int descriptor)
    {
        bool isProvision = false;
        survivor.Do(() => isProvision = Ioctl?.Caller.IsProvisionFile(descriptor) == true);
        return isProvision ? ProvisionFile : 0;
    }

    /// <inheritdoc/>
    public void EntrySet(ulong addressSpace, ulong address, ulong frame)
    {
        if (!IsFollowing && Spaces.TryGetValue(addressSpace, out FollowedSpace? followed))
        {
            survivor.Do(() => Insert(followed, address, frame));
        }
    }

    /// <summary>A page-table entry becomes the engine's.</summary>
    public static void Insert(FollowedSpace followed, ulong address, ulong frame)
    {
        EpcPage page = PageOf(frame);
        if (followed.Space.Mappings.Find(address) is not { } mapping)
        {
            return;
        }

        if (mapping.File.VirtualEpc is KernelVirtualEpc virtualEpc && virtualEpc.Places.TryAdd(page, mapping.OffsetOf(address)))
        {
            virtualEpc.Storage.Place(page, mapping.OffsetOf(address));
        }

        followed.Space.InsertPage(new LinearAddress(address), page, Everything);
    }

    /// <inheritdoc/>
    public void EntriesCleared(ulong addressSpace, ulong address, ulong length)
    {
        if (!IsFollowing && Spaces.TryGetValue(addressSpace, out FollowedSpace? followed))
        {
            survivor.Do(() => followed.Space.Zap(new LinearAddress(address), length));
        }
    }

    /// <inheritdoc/>
    public bool TestAndClearYoung(ulong addressSpace, ulong address)
    {
        bool isYoung = false;
        if (Spaces.TryGetValue(addressSpace, out FollowedSpace? followed))
        {
            survivor.Do(() => isYoung = followed.Space.TestAndClearYoung(new LinearAddress(address)));
        }

        return isYoung;
    }

    /// <inheritdoc/>
    public void Interrupt()
    {
        ForcedExits++;
        survivor.ForceExits(_leaves.Tracked);
    }

    /// <inheritdoc/>
    public bool IsSignalPending(ulong addressSpace) => Ioctl?.IsSignalPending == true;

    /// <inheritdoc/>
    public void Cpuid(uint leaf, uint subleaf, Span<uint> registers)
    {
        MachineOptions options = machine.Options;
        Attributes mask = options.AttributesMask;
        ulong flags = (ulong)mask.Flags | 1, size = (ulong)machine.Memory.PageCount << 12, start = FirstFrame << 12;
        switch (subleaf)
        {
            case 0:
                registers[0] = options.Sgx2 ? 3u : 1;
                registers[1] = (uint)options.MiscselectMask;
                registers[3] = (uint)((options.MaximumEnclaveSize64 << 8) | options.MaximumEnclaveSizeNot64);
                break;
            case 1:
                Split(flags, (ulong)mask.Xfrm, registers);
                break;
            case 2:
                Split(start | 1, size | 1, registers);
                break;
            default:
                break;
        }
    }

    private static void Split(ulong first, ulong second, Span<uint> registers) => (registers[0], registers[1], registers[2], registers[3]) =
        ((uint)first, (uint)(first >> 32), (uint)second, (uint)(second >> 32));

    /// <inheritdoc/>
    public bool HasFeature(int feature) => feature != Sgx2 || machine.Options.Sgx2;

    /// <inheritdoc/>
    public void WriteMsr(uint number, ulong value)
    {
        // IA32_SGXLEPUBKEYHASH0 to 3.
        const uint first = 0x8c;
        byte[] hash = machine.LaunchControlHash.ToArray();
        MemoryMarshal.Write(hash.AsSpan((int)(number - first) * 8), value);
        machine.LaunchControlHash = hash;
    }

    /// <inheritdoc/>
    public void Sha256(ReadOnlySpan<byte> data, Span<byte> digest) => SHA256.HashData(data, digest);

    /// <inheritdoc/>
    public void Log(int level, string text)
    {
        // What ends the driver is told when the call ends.
        if (level is > Worst and <= Warning)
        {
            notice($"the driver says: {text}");
        }
    }
}
