using System.Globalization;
using Cloister.Architecture;
using Cloister.Engine.Instructions;
using Cloister.Processor;
using Cloister.Processor.Cpus;

namespace Cloister.Engine.Tests.Instructions;

public class CpuinfoTextTests
{
    // As the kernel writes it, of a processor of another maker: arch/x86/kernel/cpu/proc.c.
    private static readonly string[] s_lines =
    [
        "processor\t: 0", "vendor_id\t: AuthenticAMD", "cpu family\t: 25", "model\t\t: 1", "model name\t: Another", "stepping\t: 1",
        "cpu MHz\t\t: 2445.430", "cpuid level\t: 16",
        "flags\t\t: fpu sse2 svm constant_tsc sgx avx cpuid_fault", "bugs\t\t:", "TLB size\t: 2560 4K pages",
        "power management: ts ttp", "",
    ];

    [Fact]
    public void Without_a_name_the_processor_is_the_hosts_and_has_sgx_once()
    {
        string text = CpuinfoText.Of(s_lines, null, null);

        string[] expected = [
            .. s_lines.Select(line => line.StartsWith("flags", StringComparison.Ordinal)
                ? "flags\t\t: fpu sse2 svm constant_tsc avx cpuid_fault sgx sgx_lc"
            : line.StartsWith("cpuid level", StringComparison.Ordinal) ? "cpuid level\t: 18" : line)];
        Assert.Equal(string.Join('\n', expected) + "\n", text);
    }

    [Theory]
    [InlineData("31", "31")]
    [InlineData("1", "18")]
    [InlineData("?", "18")]
    public void The_highest_leaf_is_at_least_that_of_sgx(string host, string told) =>
        Assert.Equal($"cpuid level\t: {told}\n", CpuinfoText.Of([$"cpuid level\t: {host}"], null, null));

    [Fact]
    public void A_processor_with_a_name_is_the_one_that_CPUID_tells()
    {
        CpuModel model = CpuModels.All[^1];
        Dictionary<string, string> told = Read(CpuinfoText.Of(s_lines, AnswersOn(isIntel: false, model), model));

        Assert.Equal(("GenuineIntel", model.Brand), (told["vendor_id"], told["model name"]));
        Assert.Equal((model.Family, model.Model, model.Stepping),
            (Number(told["cpu family"]), Number(told["model"]), Number(told["stepping"])));
        Assert.Equal(Math.Max(model.HighestLeaf, CpuidSgx.Leaf), Number(told["cpuid level"]));
        Assert.Equal(("", "2445.430", "0"), (told["power management"], told["cpu MHz"], told["processor"]));
        Assert.DoesNotContain("TLB size", told.Keys);
    }

    [Theory]
    [InlineData(true, "fpu sse2 constant_tsc cpuid_fault sgx sgx_lc")]
    [InlineData(false, "fpu sse2 constant_tsc sgx sgx_lc")]
    public void Its_flags_are_those_that_it_has_and_what_the_kernel_finds_by_other_means(bool isIntel, string flags)
    {
        // The host's CPUID says no AVX here, and no model has SVM.
        CpuModel model = CpuModels.All[^1];

        Assert.Equal(flags, Read(CpuinfoText.Of(s_lines, AnswersOn(isIntel, model), model))["flags"]);
    }

    private static uint Number(string text) => uint.Parse(text, CultureInfo.InvariantCulture);

    private static Dictionary<string, string> Read(string text) => text.Split('\n').Where(line => line.Length > 0)
        .ToDictionary(line => line.Split(':')[0].Trim(), line => line.Split(':')[1].Trim());

    // A host that has the FPU and SSE2: leaf 1, EDX.
    private static CpuidAnswers AnswersOn(bool isIntel, CpuModel model) => new((leaf, _) => (leaf, isIntel) switch
    {
        (0, true) => new CpuidRegisters(0x1f, 0x756e6547, 0x6c65746e, 0x49656e69),
        (0, false) => new CpuidRegisters(0x10, 0x68747541, 0x444d4163, 0x69746e65),
        (1, _) => new CpuidRegisters(0, 0, 0, 1 | 1 << 26),
        _ => new CpuidRegisters(0, 0, 0, 0),
    }, model, XsaveLayout.Intel);
}
