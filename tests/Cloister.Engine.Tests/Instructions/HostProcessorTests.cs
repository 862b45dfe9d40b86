using System.Buffers.Binary;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Cloister.Architecture;
using Cloister.Engine.Instructions;
using Cloister.Processor;
using Cloister.Processor.Cpus;

namespace Cloister.Engine.Tests.Instructions;

public class HostProcessorTests
{
    [Fact]
    public void CPUID_gives_each_register_its_own()
    {
        CpuidRegisters first = HostProcessor.Cpuid(0, 0);
        byte[] vendor = new byte[12];
        BinaryPrimitives.WriteUInt32LittleEndian(vendor, first.Ebx);
        BinaryPrimitives.WriteUInt32LittleEndian(vendor.AsSpan(4), first.Edx);
        BinaryPrimitives.WriteUInt32LittleEndian(vendor.AsSpan(8), first.Ecx);

        Assert.Contains(Encoding.ASCII.GetString(vendor), File.ReadLines("/proc/cpuinfo")
            .First(line => line.StartsWith("vendor_id", StringComparison.Ordinal)));
        Assert.Equal((uint)X86Base.CpuId(0xd, 1).Eax, HostProcessor.Cpuid(0xd, 1).Eax);
        Assert.Equal((uint)X86Base.CpuId(0xd, 2).Ebx, HostProcessor.Cpuid(0xd, 2).Ebx);
    }

    [Fact]
    public void Extended_state_lies_where_CPUID_says()
    {
        const int avx = 2;
        XsaveLayout layout = HostProcessor.Xsave;

        Assert.Equal(3UL, layout.Supported & 3);
        Assert.Equal(Avx.IsSupported, (layout.Supported & 1 << avx) != 0);
        if (Avx.IsSupported)
        {
            Assert.Equal((X86Base.CpuId(0xd, avx).Ebx, X86Base.CpuId(0xd, avx).Eax), layout[avx]);
        }
    }

    [Fact]
    public void A_machine_has_no_more_than_the_host()
    {
        CpuModel model = CpuModels.All[^1];
        MachineOptions plain = HostProcessor.Fit(new MachineOptions { Xsave = XsaveLayout.Legacy }),
            named = HostProcessor.Fit(new MachineOptions { Cpu = model });

        Assert.Same(HostProcessor.Xsave, plain.Xsave);
        Assert.Equal(0UL, named.Xsave.Supported & ~HostProcessor.Xsave.AsOnIntel(ulong.MaxValue).Supported);
        Assert.Same(model, named.Cpu);
    }
}
