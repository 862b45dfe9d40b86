using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Kernel;
using Cloister.Linux.Kernel;
using Cloister.Processor;

namespace Cloister.Kernel.Tests.Oracle;

/// <summary>The kernel's driver over Cloister's processor.</summary>
internal sealed class KernelSide : Side, IKernelDriverHost
{
    // VM_READ and so on: what a mapping has, and what it may have.
    private const ulong Shared = 8, May = 0x70, MayReadWrite = 0x30;
    private const ulong FirstFrame = 0x100000;
    private const uint ReadImpliesExecute = 0x0400000;
    private KernelDriver _driver = null!;
    private readonly LeafGateway _leaves;
    private readonly Dictionary<OpenFile, nint> _files = [];
    private readonly Dictionary<int, nint> _processes = [];

    public KernelSide(string library, int epcPages, IReadOnlyList<InjectedLeaf> codes)
        : base(epcPages, codes)
    {
        _leaves = new LeafGateway(Machine);

        // Another file of the same contents is another driver.
        string own = Path.Combine(Harness.KernelSources.Scratch, $"{Guid.NewGuid():n}.so");
        File.Copy(library, own);
        _ = KernelDriver.Load(own, this, driver => _driver = driver);
        File.Delete(own);
    }

    public int Warnings => _driver.Warnings;

    /// <summary>Does something while one allocation of memory fails.</summary>
    public string WithoutAllocation(int number, Func<string> act, out bool hasFailed)
    {
        _driver.FailAllocation(number);
        string result = act();
        hasFailed = _driver.Allocations >= number;
        _driver.FailAllocation(0);
        return result;
    }

    public override bool Open(OpenFile file)
    {
        nint handle = _driver.Open(file.Device, out int error);
        Assert.Equal(0, error);
        _files[file] = handle;
        return _driver.Descriptor(handle) == World.DescriptorOf(file);
    }

    public override void Close(OpenFile file)
    {
        _driver.Close(_files[file]);
        Idle();
    }

    public override void Release(OpenFile file) => _files.Remove(file);

    public override long Ioctl(Process process, OpenFile file, uint command, ulong argument)
    {
        RunAs(process);
        return _driver.Ioctl(_files[file], command, argument);
    }

    public override int Map(Process process, OpenFile file, ulong start, ulong end, Protection protection, ulong offset, bool isPrivate)
    {
        RunAs(process);
        return _driver.Map(_processes[process.Number], _files[file], start, end, (ulong)protection | May | (isPrivate ? 0 : Shared),
            offset >> 12, isPrivate ? 2ul : 1);
    }

    public override void Unmap(Process process, ulong start, ulong end)
    {
        RunAs(process);
        _driver.Unmap(_processes[process.Number], start, end);
    }

    public override int Protect(Process process, ulong start, ulong end, Protection protection)
    {
        RunAs(process);
        return _driver.Protect(_processes[process.Number], start, end, (ulong)protection);
    }

    /// <summary>What the mapping at an address allows, or null.</summary>
    public Protection? ProtectionAt(Process process, ulong address) =>
        _driver.Mapping(_processes[process.Number], address) is >= 0 and var flags ? (Protection)(flags & 7) : null;

    public override void Begin(Process process)
    {
        Spaces[process.Number] = new Space();
        nint mm = _processes[process.Number] = _driver.NewAddressSpace((ulong)process.Number);
        RunAs(process);
        Assert.Equal(0, _driver.Map(mm, 0, UserMemory.Start, UserMemory.End, 7 | May, 0, 2));
        Assert.Equal(0, _driver.Map(mm, 0, UserMemory.NoExecStart, UserMemory.NoExecEnd, 3 | MayReadWrite, 0, 2));
    }

    public override void Fork(Process parent, Process child)
    {
        Spaces[child.Number] = new Space();
        RunAs(parent);
        _processes[child.Number] = _driver.Fork(_processes[parent.Number], (ulong)child.Number);
    }

    public override void Exit(Process process)
    {
        RunAs(process);
        _driver.Exit(_processes[process.Number]);
        Idle();
        _processes.Remove(process.Number);
        Spaces.Remove(process.Number);
    }

    public override VmFault Fault(Process process, ulong address, AccessKind access)
    {
        RunAs(process);
        uint result = 0;

        // Until ksgxd has made room the access is made again and again.
        for (int tries = 0; tries < 100; tries++)
        {
            result = _driver.Fault(_processes[process.Number], address);
            if ((result & (KernelDriver.FaultNoPage | KernelDriver.FaultRetry)) == 0
                || Spaces[process.Number].Entries.ContainsKey(address >> 12))
            {
                break;
            }

            Idle();
        }

        return (result & KernelDriver.FaultNoPage) != 0 && Spaces[process.Number].Entries.ContainsKey(address >> 12) ? VmFault.NoPage
            : (result & KernelDriver.FaultOutOfMemory) != 0 ? VmFault.Oom
            : (result & KernelDriver.FaultSigbus) != 0 ? VmFault.Sigbus
            : (VmFault)result;
    }

    public override long Access(Process process, ulong address, Span<byte> data, bool isWrite)
    {
        RunAs(process);
        return _driver.Access(_processes[process.Number], address, data, isWrite);
    }

    public override void Idle() => _driver.Idle();

    public override void Dispose() => _driver.Dispose();

    public int Encls(uint leaf, ulong rbx, ulong rcx, ulong rdx, out ulong rbxOut)
    {
        _leaves.Epc = _leaves.Epc == 0 ? _driver.Epc : _leaves.Epc;
        return _leaves.Execute(leaf, rbx, rcx, rdx, out rbxOut);
    }

    public bool ReadUser(ulong addressSpace, ulong source, Span<byte> destination) => User.Read(source, destination);

    public bool WriteUser(ulong addressSpace, ulong destination, ReadOnlySpan<byte> source) => User.Write(destination, source);

    public void EntrySet(ulong addressSpace, ulong address, ulong frame) =>
        Spaces[(int)addressSpace].InsertPage(new LinearAddress(address), new EpcPage((int)(frame - FirstFrame)), default);

    public void EntriesCleared(ulong addressSpace, ulong address, ulong length) =>
        Spaces[(int)addressSpace].Zap(new LinearAddress(address), length);

    public bool TestAndClearYoung(ulong addressSpace, ulong address) =>
        Spaces[(int)addressSpace].TestAndClearYoung(new LinearAddress(address));

    public void Interrupt() => ForceExits(thread => thread.IsInside(_leaves.Tracked));

    bool IKernelDriverHost.IsSignalPending(ulong addressSpace) => IsSignalPending;

    public void Cpuid(uint leaf, uint subleaf, Span<uint> registers)
    {
        Attributes mask = Machine.Options.AttributesMask;
        ulong flags = (ulong)mask.Flags | 1, size = (ulong)Machine.Memory.PageCount << 12, start = FirstFrame << 12;
        switch (subleaf)
        {
            case 0:
                registers[0] = 3;
                registers[1] = (uint)Machine.Options.MiscselectMask;
                registers[3] = (uint)((Machine.Options.MaximumEnclaveSize64 << 8) | Machine.Options.MaximumEnclaveSizeNot64);
                break;
            case 1:
                (registers[0], registers[1], registers[2], registers[3]) =
                    ((uint)flags, (uint)(flags >> 32), (uint)mask.Xfrm, (uint)((ulong)mask.Xfrm >> 32));
                break;
            case 2:
                (registers[0], registers[1], registers[2], registers[3]) =
                    ((uint)start | 1, (uint)(start >> 32), (uint)size | 1, (uint)(size >> 32));
                break;
            default:
                break;
        }
    }

    public bool HasFeature(int feature) => true;

    public void WriteMsr(uint number, ulong value)
    {
        // IA32_SGXLEPUBKEYHASH0 to 3.
        byte[] hash = Machine.LaunchControlHash.ToArray();
        MemoryMarshal.Write(hash.AsSpan((int)(number - 0x8c) * 8), value);
        Machine.LaunchControlHash = hash;
    }

    public void Sha256(ReadOnlySpan<byte> data, Span<byte> digest) => SHA256.HashData(data, digest);

    public void Log(int level, string text)
    {
        if (level <= 1)
        {
            Complaints.Add(text);
        }
    }

    private void RunAs(Process process) => _driver.RunAs(_processes[process.Number], process.ReadImpliesExecute ? ReadImpliesExecute : 0);
}
