using Cloister.Architecture;
using Cloister.Linux;
using Cloister.Processor.Cpus;

namespace Cloister.Engine.Instructions;

/// <summary>CPUID as the machine answers it: the host's own leaves or those of a processor with a name, with SGX.</summary>
internal sealed class CpuidEmulator
{
    private const uint FeatureLeaf = 7;
    private const int MostKept = 256;
    private static readonly bool IsHybrid = HostProcessor.Cpuid(0, 0).Eax >= FeatureLeaf
        && (HostProcessor.Cpuid(FeatureLeaf, 0).Edx & (1 << 15)) != 0;
    private readonly Dictionary<ulong, CpuidRegisters> _kept = [];
    private readonly SgxCapabilities _capabilities;
    private readonly IReadOnlyList<(ulong Base, ulong Size)> _epcSections;

    /// <summary>CPUID of a machine.</summary>
    /// <param name="capabilities">Its SGX.</param>
    /// <param name="epcSections">Its EPC, in physical addresses.</param>
    /// <param name="model">Another processor than the host's, or null.</param>
    public CpuidEmulator(SgxCapabilities capabilities, IReadOnlyList<(ulong Base, ulong Size)> epcSections, CpuModel? model = null)
    {
        (_capabilities, _epcSections) = (capabilities, epcSections);
        Named = model is null ? null : new CpuidAnswers(Host, model, HostProcessor.Xsave);
    }

    /// <summary>The processor with a name, when it is one.</summary>
    public CpuidAnswers? Named { get; }

    /// <summary>Executes CPUID on the registers; RIP is left where it is.</summary>
    public void Execute(ref UserRegisters registers)
    {
        uint leaf = (uint)registers.Rax, subleaf = (uint)registers.Rcx;
        CpuidRegisters answer = leaf == CpuidSgx.Leaf ? Sgx(subleaf) : Named is { } named ? named[leaf, subleaf] : Host(leaf, subleaf);
        switch (leaf)
        {
            case 0:
                answer = answer with { Eax = Math.Max(answer.Eax, CpuidSgx.Leaf) };
                break;
            case FeatureLeaf when subleaf == 0:
                // EBX bit 2: SGX; ECX bit 30: launch control. SDM 2A, CPUID.
                answer = answer with { Ebx = answer.Ebx | CpuidSgx.Leaf7Ebx, Ecx = answer.Ecx | CpuidSgx.Leaf7Ecx };
                break;
        }

        (registers.Rax, registers.Rbx, registers.Rcx, registers.Rdx) = (answer.Eax, answer.Ebx, answer.Ecx, answer.Edx);
    }

    // The instruction is dear on a virtual machine, where it goes to the hypervisor, and every program that starts executes some forty.
    private CpuidRegisters Host(uint leaf, uint subleaf)
    {
        ulong key = (ulong)leaf << 32 | subleaf;
        if (_kept.TryGetValue(key, out CpuidRegisters kept))
        {
            return kept;
        }

        CpuidRegisters answer = HostProcessor.Cpuid(leaf, subleaf);
        if (!DiffersByProcessor(leaf) && _kept.Count < MostKept)
        {
            _kept.Add(key, answer);
        }

        return answer;
    }

    // Leaves with a number of the APIC, and all of a machine whose cores are of several kinds. SDM 2A and APM 3, CPUID.
    private static bool DiffersByProcessor(uint leaf) => IsHybrid || leaf is 1 or 0xb or 0x1f or 0x8000001e or 0x80000026;

    private CpuidRegisters Sgx(uint subleaf)
    {
        uint section = subleaf - CpuidSgx.FirstEpcSubleaf;
        return subleaf switch
        {
            0 => CpuidSgx.Capabilities(_capabilities),
            1 => CpuidSgx.SecsAttributes(_capabilities),
            _ when section < _epcSections.Count => CpuidSgx.EpcSection(_epcSections[(int)section].Base, _epcSections[(int)section].Size),
            _ => CpuidSgx.NoEpcSection,
        };
    }
}
