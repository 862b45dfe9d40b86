using System.Buffers.Binary;
using System.Text;
using Cloister.Architecture;
using Cloister.Processor.Cpus;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Cpus;

public class CpuidAnswersTests
{
    private const ulong Everything = 0x2e7;

    public static TheoryData<string> Models { get; } = [.. CpuModels.All.Select(model => model.Name)];

    [Theory]
    [MemberData(nameof(Models))]
    public void It_has_the_models_name_and_no_feature_that_the_host_or_the_model_lacks(string name)
    {
        CpuModel model = CpuModels.Find(name)!;
        foreach (RecordedCpuid host in new[] { RecordedCpuid.Zen4, RecordedCpuid.Zen4Guest, RecordedCpuid.Xeon })
        {
            CpuidAnswers cpuid = Answers(host, model);
            CpuidRegisters first = cpuid[0, 0];
            Assert.Equal((model.HighestLeaf, "GenuineIntel"), (first.Eax, Text(first.Ebx, first.Edx, first.Ecx)));
            Assert.Equal(model.Signature, cpuid[1, 0].Eax);
            Assert.Equal((6u, 0u), (model.Family, cpuid[1, 0].Ebx & 0xff));
            Assert.Equal(model.Brand,
                string.Concat(new[] { 0x80000002, 0x80000003, 0x80000004 }.Select(leaf => cpuid[leaf, 0])
                    .Select(r => Text(r.Eax, r.Ebx, r.Ecx, r.Edx))).TrimEnd('\0'));
            Assert.All(CpuFeatures.All.Where(feature => feature.IsIn(cpuid[feature.Leaf, feature.Subleaf])), feature =>
                Assert.True(feature.IsIn(host[feature.Leaf, feature.Subleaf]) && model.Features.Contains(feature.Name)
                    && cpuid.Flags.Contains(feature.Name), feature.Name));
            Assert.All(cpuid.Flags,
                flag => Assert.Contains(CpuFeatures.All,
                    feature => feature.Name == flag && feature.IsIn(cpuid[feature.Leaf, feature.Subleaf])));
            Assert.Equal(0x80000008u, cpuid[0x80000000, 0].Eax);
            Assert.Equal(default, cpuid[0x80000005, 0]);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Features_whose_state_lies_elsewhere_than_on_Intel_are_left_out(string name)
    {
        // APM 3, CPUID 0DH: without MPX between, AVX-512 is at 340H and PKRU behind it. Intel: 440H and A80H.
        CpuidAnswers cpuid = Answers(RecordedCpuid.Zen4, CpuModels.Find(name)!);
        Assert.DoesNotContain(cpuid.Flags, flag => flag.StartsWith("avx512", StringComparison.Ordinal) || flag is "pku" or "ospke");
        Assert.Equal(name != "gemini-lake", cpuid.Flags.Contains("avx2"));
        Assert.Equal(name == "gemini-lake" ? 3u : 7u, cpuid.Xsave.Supported);
        Assert.Contains("sse4_2", cpuid.Flags);

        // XGETBV and XSAVE are the host's, and so is what tells of their sizes.
        Assert.Equal(RecordedCpuid.Zen4[0xd, 0], cpuid[0xd, 0]);
        Assert.Equal(RecordedCpuid.Zen4[0xd, 6], cpuid[0xd, 6]);
        Assert.Equal(1u << 27, cpuid[1, 0].Ecx & 1u << 27);
    }

    [Fact]
    public void Intels_own_AVX_512_stays()
    {
        CpuidAnswers cpuid = Answers(RecordedCpuid.Xeon, CpuModels.Plain);
        Assert.Contains("avx512_vnni", cpuid.Flags);
        Assert.Equal(0xe7u, cpuid.Xsave.Supported);
        Assert.Equal(XsaveLayout.Intel.SizeOf(0xe7), cpuid.Xsave.SizeOf(0xe7));
        Assert.Equal(RecordedCpuid.Xeon[0x15, 0], cpuid[0x15, 0]);

        // It has leaf 7 sub-leaf 1, and Ice Lake has not.
        Assert.Equal((0u, default), (cpuid[7, 0].Eax, cpuid[7, 1]));
    }

    [Fact]
    public void Caches_and_cores_are_the_hosts_in_Intels_leaves()
    {
        CpuidAnswers cpuid = Answers(RecordedCpuid.Zen4, CpuModels.Plain);
        Assert.Equal((1u, 1u, 2u, 32u << 10), Cache(cpuid[4, 0]));
        Assert.Equal((2u, 1u, 2u, 32u << 10), Cache(cpuid[4, 1]));
        Assert.Equal((3u, 2u, 2u, 1u << 20), Cache(cpuid[4, 2]));
        Assert.Equal((3u, 3u, 12u, 32u << 20), Cache(cpuid[4, 3]));
        Assert.Equal(default, cpuid[4, 4]);
        Assert.Equal(5u, cpuid[4, 0].Eax >> 26);
        Assert.Equal((0x00feff01u, 0xf0u), (cpuid[2, 0].Eax, cpuid[2, 0].Ebx));
        Assert.Equal(RecordedCpuid.Zen4[0xb, 1], cpuid[0xb, 1]);
        Assert.Equal(new CpuidRegisters(0, 0, 0x04006040, 0), cpuid[0x80000006, 0]);
        Assert.Equal(new CpuidRegisters(0, 0, 0, 0x100), cpuid[0x80000007, 0]);
        Assert.Equal((0x3030u, 0x200u), (cpuid[0x80000008, 0].Eax, cpuid[0x80000008, 0].Ebx));
    }

    [Fact]
    public void Where_a_hypervisor_hides_the_topology_it_is_made_of_the_old_leaves()
    {
        CpuidAnswers cpuid = Answers(RecordedCpuid.Zen4Guest, CpuModels.Find("Sapphire_Rapids")!);
        Assert.Equal([(1u, 1u, 1u, 32u << 10), (2u, 1u, 1u, 32u << 10), (3u, 2u, 1u, 1u << 20), (3u, 3u, 12u, 32u << 20)],
            Enumerable.Range(0, 4).Select(i => Cache(cpuid[4, (uint)i])));
        Assert.Equal(default, cpuid[4, 4]);
        Assert.Equal(new CpuidRegisters(0, 1, 0x100, 0), cpuid[0xb, 0]);
        Assert.Equal(new CpuidRegisters(4, 12, 0x201, 0), cpuid[0x1f, 1]);
        Assert.Equal(new CpuidRegisters(0, 0, 2, 0), cpuid[0xb, 2]);
    }

    [Fact]
    public void The_clock_is_told_where_it_is_known()
    {
        // Zeros are "not enumerated".
        Assert.Equal(default, Answers(RecordedCpuid.Zen4, CpuModels.Plain)[0x15, 0]);
        CpuidRegisters told = Answers(RecordedCpuid.Zen4Guest, CpuModels.Plain)[0x15, 0];
        Assert.Equal(4_700_000_000, (long)told.Ecx * told.Ebx / told.Eax);
        Assert.Equal(4700u, Answers(RecordedCpuid.Zen4Guest, CpuModels.Plain)[0x16, 0].Eax);
    }

    [Theory]
    [InlineData(0x8000001d)]
    [InlineData(0x8000001e)]
    [InlineData(0x40000000)]
    [InlineData(0x1000)]
    public void Beyond_the_highest_leaf_the_highest_basic_one_answers(uint leaf)
    {
        CpuidAnswers cpuid = Answers(RecordedCpuid.Zen4, CpuModels.Plain);
        Assert.Equal(cpuid[CpuModels.Plain.HighestLeaf, 0], cpuid[leaf, 0]);
    }

    [Fact]
    public void A_hypervisor_stays() => Assert.Equal(0x4b4d564bu, Answers(RecordedCpuid.Zen4Guest, CpuModels.Plain)[0x40000000, 0].Ebx);

    private static CpuidAnswers Answers(RecordedCpuid host, CpuModel model) =>
        new(host.Answer, model, XsaveLayout.Of(host.Answer, Everything & host[0xd, 0].Eax));

    // Type, level, how many share it, and bytes. SDM 2A, CPUID leaf 4.
    private static (uint Type, uint Level, uint Sharing, uint Bytes) Cache(CpuidRegisters r) =>
        (r.Eax & 0x1f, r.Eax >> 5 & 7, (r.Eax >> 14 & 0xfff) + 1,
            ((r.Ebx >> 22) + 1) * ((r.Ebx >> 12 & 0x3ff) + 1) * ((r.Ebx & 0xfff) + 1) * (r.Ecx + 1));

    private static string Text(params uint[] registers)
    {
        byte[] bytes = new byte[registers.Length * 4];
        for (int i = 0; i < registers.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(i * 4), registers[i]);
        }

        return Encoding.ASCII.GetString(bytes);
    }
}
