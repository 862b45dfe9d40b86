using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests;

public class SgxMachineTests
{
    [Fact]
    public void The_launch_control_registers_begin_with_the_key_of_Intels_launch_enclave()
    {
        // SDM 4, IA32_SGXLEPUBKEYHASH0 to 3, the values after reset.
        var machine = new SgxMachine(new MachineOptions(), new ArrayEpcMemory(1));
        Assert.Equal(
            [0xa6053e051270b7ac, 0x6cfbe8ba8b3b413d, 0xc4916d99f2b3735d, 0xd4f8c05909f9bb3b],
            MemoryMarshal.Cast<byte, ulong>(machine.LaunchControlHash).ToArray());
        machine.LaunchControlHash = TestSigner.Mrsigner;
        Assert.Equal(TestSigner.Mrsigner, machine.LaunchControlHash.ToArray());
    }

    [Fact]
    public void Sizes_are_checked()
    {
        var memory = new ArrayEpcMemory(1);
        Assert.Throws<ArgumentOutOfRangeException>(() => new SgxMachine(new MachineOptions { RootKey = new byte[31] }, memory));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SgxMachine(new MachineOptions { LaunchControlHash = new byte[33] }, memory));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SgxMachine(new MachineOptions { Cpusvn = new byte[15] }, memory));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SgxMachine(new MachineOptions(), memory).LaunchControlHash = new byte[1]);
    }

    [Fact]
    public void An_entry_of_the_map_is_small_so_that_4_GiB_of_epc_need_24_MiB()
    {
        Assert.Equal(24, Unsafe.SizeOf<EpcmEntry>());
        var machine = new SgxMachine(new MachineOptions(), new ArrayEpcMemory(1 << 20));
        Assert.True(machine.Epcm.Contains(new EpcPage((1 << 20) - 1)));
        Assert.False(machine.Epcm.Contains(new EpcPage(1 << 20)));
        Assert.False(machine.Epcm.Contains(EpcPage.None));
    }

    [Fact]
    public void A_machine_without_a_seed_is_like_no_other()
    {
        SgxMachine Made(byte[]? root) => new(new MachineOptions { RootKey = root }, new ArrayEpcMemory(1));
        byte[] root = new byte[32];
        Assert.Equal(Fuses(Made(root)), Fuses(Made(root)));
        Assert.NotEqual(Fuses(Made(null)), Fuses(Made(null)));
        SgxMachine machine = Made(null);
        Assert.Equal(Fuses(machine), Fuses(machine));

        static byte[] Fuses(SgxMachine machine) => MemoryMarshal.AsBytes(new ReadOnlySpan<Bytes16>(in machine.Keys.SealKeyFuses)).ToArray();
    }

    [Fact]
    public void The_capabilities_say_what_the_options_do()
    {
        SgxCapabilities capabilities = new MachineOptions { Sgx2 = false, Kss = false, AexNotify = false }.Capabilities;
        const AttributeFlags Sgx1Attributes = AttributeFlags.Debug | AttributeFlags.Mode64Bit | AttributeFlags.ProvisionKey
            | AttributeFlags.EinittokenKey;
        Assert.Equal((false, true, new Attributes(Sgx1Attributes, 0xe7)),
            (capabilities.Sgx2, capabilities.Edeccssa, capabilities.AttributesMask));
        Assert.Equal(
            Sgx1Attributes | AttributeFlags.Kss | AttributeFlags.AexNotify,
            new MachineOptions().AttributesMask.Flags);
        Assert.Equal(3ul, new MachineOptions { Xsave = XsaveLayout.Legacy }.AttributesMask.Xfrm);
    }

    [Theory]
    [InlineData(3ul, 576)]
    [InlineData(7ul, 832)]
    [InlineData(0x1bul, 1088)]
    [InlineData(0xe7ul, 2688)]
    [InlineData(0x207ul, 2696)]
    [InlineData(7ul | (1ul << 40), 832)]
    public void An_xsave_area_ends_where_its_last_component_ends(ulong xfrm, int size)
        => Assert.Equal(size, XsaveLayout.Intel.SizeOf(xfrm));

    [Fact]
    public void An_xsave_layout_has_no_impossible_component()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new XsaveLayout([(1, 576, 8)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new XsaveLayout([(2, 512, 8)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new XsaveLayout([(2, 576, 0)]));
    }
}
