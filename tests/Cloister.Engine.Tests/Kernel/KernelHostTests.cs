using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Kernel;
using Cloister.Engine.Memory;
using Cloister.Linux.Kernel;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Engine.Tests.Kernel;

public sealed class KernelHostTests : ISurvivor
{
    private readonly SgxMachine _machine = new(new MachineOptions { RootKey = new byte[32] }, new ArrayEpcMemory(16));
    private readonly List<string> _notices = [];
    private readonly KernelHost _host;
    private int _kicks;

    public KernelHostTests() => _host = new KernelHost(_machine, new EnclaveBooks(_machine), this, _notices.Add);

    void IThreadKicker.ForceExits(EpcPage secs) => _kicks++;

    void ISurvivor.Do(Action action) => action();

    [Fact]
    public void A_warning_is_told_and_what_is_only_information_is_not()
    {
        _host.Log(1, "WARN main.c:1: x");
        _host.Log(6, "EPC section");
        _host.Log(0, "the end");
        Assert.Equal(["the driver says: WARN main.c:1: x"], _notices);
    }

    [Fact]
    public void Nobody_is_asked_where_no_ioctl_runs()
    {
        Assert.False(_host.ReadUser(1, 0, new byte[8]));
        Assert.False(_host.WriteUser(1, 0, new byte[8]));
        Assert.False(_host.IsSignalPending(1));
        Assert.Null(_host.MayExecuteMemory(1, 0));
        Assert.Equal(0, _host.FileOf(1, 3));
    }

    [Fact]
    public void An_EPC_is_unused_until_a_page_of_it_is_valid()
    {
        Assert.True(_host.EpcIsUnused);
        Assert.True(Epa.Execute(_machine, new EpcPage(3)).IsSuccess);
        Assert.False(_host.EpcIsUnused);
    }

    [Fact]
    public void A_signal_that_came_is_pending_in_the_ioctl()
    {
        var ioctl = new KernelIoctl(null!, null!, null, null!, "SGX_IOC_ENCLAVE_ADD_PAGES");
        _host.Ioctl = ioctl;
        Assert.False(_host.IsSignalPending(1));
        ioctl.Interrupt();
        Assert.True(_host.IsSignalPending(1));
    }

    [Fact]
    public void The_hash_of_the_launch_key_is_written_in_four_parts()
    {
        for (uint i = 0; i < 4; i++)
        {
            _host.WriteMsr(0x8c + i, 0x0101010101010101ul * (i + 1));
        }

        Assert.Equal(Enumerable.Range(8, 32).Select(i => (byte)(i / 8)), _machine.LaunchControlHash.ToArray());
    }

    [Fact]
    public void Cpuid_tells_of_one_section_as_large_as_the_EPC()
    {
        Span<uint> registers = stackalloc uint[4];
        _host.Cpuid(0x12, 2, registers);
        Assert.Equal((1u, 16u * 4096 | 1), (registers[0] & 0xf, registers[2]));
        registers.Clear();
        _host.Cpuid(0x12, 3, registers);
        Assert.Equal(0u, registers[0]);
    }

    [Fact]
    public void Interrupts_are_counted_and_reach_the_threads()
    {
        _host.Interrupt();
        Assert.Equal((1, 1L), (_kicks, _host.ForcedExits));
    }

    [Fact]
    public void An_entry_of_a_mapping_that_is_gone_is_nobodys()
    {
        using var space = new AddressSpace(_machine, Environment.ProcessId);
        var followed = new FollowedSpace(7, 0, space);
        _host.Spaces[7] = followed;
        _host.EntrySet(7, 0x10000, 0x100003);
        _host.EntrySet(8, 0x10000, 0x100003);
        Assert.False(space.Pages.Peek(0x10000).Present);
        Assert.Equal(new EpcPage(3), KernelHost.PageOf(0x100003));
        Assert.Empty(followed.Tell());
    }

    [Fact]
    public void What_is_no_driver_says_so()
    {
        string file = Path.GetTempFileName();
        Assert.Throws<KernelDriverException>(() => new KernelSgxDriver(file, _machine, this, _notices.Add));
        File.Delete(file);
    }
}
