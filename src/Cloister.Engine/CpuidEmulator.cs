using System.Runtime.Intrinsics.X86;
using Cloister.Architecture;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>CPUID as the machine answers it: the host's own leaves, with SGX.</summary>
internal sealed class CpuidEmulator(SgxCapabilities capabilities, IReadOnlyList<(ulong Base, ulong Size)> epcSections)
{
    private const uint FeatureLeaf = 7;

    /// <summary>Executes CPUID on the registers; RIP is left where it is.</summary>
    public void Execute(ref UserRegisters registers)
    {
        uint leaf = (uint)registers.Rax, subleaf = (uint)registers.Rcx;
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)leaf, (int)subleaf);
        switch (leaf)
        {
            case 0:
                eax = (int)Math.Max((uint)eax, CpuidSgx.Leaf);
                break;
            case FeatureLeaf when subleaf == 0:
                // EBX bit 2: SGX; ECX bit 30: launch control. SDM 2A, CPUID.
                ebx |= (int)CpuidSgx.Leaf7Ebx;
                ecx |= (int)CpuidSgx.Leaf7Ecx;
                break;
            case CpuidSgx.Leaf:
                CpuidRegisters answer = Sgx(subleaf);
                (eax, ebx, ecx, edx) = ((int)answer.Eax, (int)answer.Ebx, (int)answer.Ecx, (int)answer.Edx);
                break;
        }

        (registers.Rax, registers.Rbx, registers.Rcx, registers.Rdx) = ((uint)eax, (uint)ebx, (uint)ecx, (uint)edx);
    }

    private CpuidRegisters Sgx(uint subleaf)
    {
        uint section = subleaf - CpuidSgx.FirstEpcSubleaf;
        return subleaf switch
        {
            0 => CpuidSgx.Capabilities(capabilities),
            1 => CpuidSgx.SecsAttributes(capabilities),
            _ when section < epcSections.Count => CpuidSgx.EpcSection(epcSections[(int)section].Base, epcSections[(int)section].Size),
            _ => CpuidSgx.NoEpcSection,
        };
    }
}
