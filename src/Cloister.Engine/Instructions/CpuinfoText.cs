using System.Globalization;
using System.Text;
using Cloister.Architecture;
using Cloister.Processor.Cpus;

namespace Cloister.Engine.Instructions;

/// <summary>/proc/cpuinfo of a machine with SGX: the kernel's, and the processor is the one that CPUID tells.
/// arch/x86/kernel/cpu/proc.c.</summary>
internal static class CpuinfoText
{
    // Flags that the kernel finds by other means than a bit of CPUID, and what holds on each host.
    private static readonly HashSet<string> s_kernels =
        ["constant_tsc", "rep_good", "nopl", "xtopology", "cpuid", "tsc_known_freq", "tsc_reliable", "hypervisor", "aperfmperf"];

    // The same, of Intel's processors.
    private static readonly HashSet<string> s_intels =
        ["cpuid_fault", "arch_perfmon", "pebs", "bts", "art", "pti", "ibrs", "ibpb", "stibp", "ssbd", "ibrs_enhanced"];

    /// <summary>The text.</summary>
    /// <param name="lines">The kernel's.</param>
    /// <param name="named">The processor with a name, if it is one.</param>
    /// <param name="model">The same.</param>
    public static string Of(IEnumerable<string> lines, CpuidAnswers? named, CpuModel? model)
    {
        var text = new StringBuilder();
        foreach (string line in lines)
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            string key = colon < 0 ? "" : line[..colon].TrimEnd();
            string? value = colon < 0 ? null : Value(key, line[(colon + 1)..].TrimStart(), named, model);
            if (colon < 0)
            {
                text.Append(line).Append('\n');
            }
            else if (value is not null)
            {
                text.Append(line, 0, colon + 1).Append(value.Length == 0 ? "" : " ").Append(value).Append('\n');
            }
        }

        return text.ToString();
    }

    // Null: such a processor has no such line.
    private static string? Value(string key, string value, CpuidAnswers? named, CpuModel? model) => (key, model) switch
    {
        ("flags", _) => Flags(value, named),
        ("cpuid level", null) => Number(Math.Max(uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out uint level)
            ? level : 0, CpuidSgx.Leaf)),
        (_, null) => value,
        ("cpuid level", _) => Number(Math.Max(model.HighestLeaf, CpuidSgx.Leaf)),
        ("vendor_id", _) => "GenuineIntel",
        ("cpu family", _) => Number(model.Family),
        ("model", _) => Number(model.Model),
        ("model name", _) => model.Brand,
        ("stepping", _) => Number(model.Stepping),
        ("TLB size", _) => null,
        ("power management", _) => "",
        _ => value,
    };

    private static string Flags(string flags, CpuidAnswers? named)
    {
        IEnumerable<string> kept = flags.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(flag => flag is not ("sgx" or "sgx_lc"));
        if (named is not null)
        {
            kept = kept.Where(flag => named.Flags.Contains(flag) || s_kernels.Contains(flag) || named.HostIsIntel
                && s_intels.Contains(flag));
        }

        return string.Join(' ', kept.Append("sgx").Append("sgx_lc"));
    }

    private static string Number(uint value) => value.ToString(CultureInfo.InvariantCulture);
}
