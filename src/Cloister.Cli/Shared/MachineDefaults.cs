using System.Runtime.Intrinsics.X86;
using Cloister.Architecture;
using Cloister.Engine.Options;
using Cloister.Linux;
using Cloister.Processor.Cpus;

namespace Cloister.Cli;

/// <summary>What <c>run</c> uses when it is not told, on this machine, and why.</summary>
/// <param name="Engine">How transitions are made.</param>
/// <param name="EngineReason">Why.</param>
/// <param name="Isolation">What the host sees of enclave memory.</param>
/// <param name="IsolationReason">Why.</param>
internal sealed record MachineDefaults(EngineMode Engine, string EngineReason, IsolationMode Isolation, string IsolationReason)
{
    /// <summary>Whether the processor has protection keys and the kernel uses them. CPUID.07H:ECX, bit 4 (OSPKE).</summary>
    public static bool HasProtectionKeys => X86Base.IsSupported && X86Base.CpuId(0, 0).Eax >= 7
        && (X86Base.CpuId(7, 0).Ecx & (1 << 4)) != 0;

    /// <summary>
    /// The processor that programs see: null is the host's own. Another maker's has no SGX, and programs look at the maker's name before
    /// anything else, so there it is a plain server with SGX2.
    /// </summary>
    public static CpuModel? Cpu => CpuidAnswers.IsIntel(Leaf(0)) ? null : CpuModels.Plain;

    /// <summary>Looks at the machine.</summary>
    public static MachineDefaults Choose()
    {
        (EngineMode engine, string engineReason) = (HostKernel.HasFsgsbase, HostProbe.ModifyLdt()) switch
        {
            (false, _) => (EngineMode.Trap, "programs may not execute WRFSBASE here, which entering an enclave inside the program needs"),
            (_, not Errno.None) => (EngineMode.Trap, "this kernel has no modify_ldt, by which the engine knows who is inside"),
            _ => (EngineMode.Fast, "FSGSBASE and modify_ldt are there, so EENTER and EEXIT can run inside the program"),
        };
        const string isolationReason =
            "hiding enclave memory from the host costs several system calls at each entry and exit, and a stop at each access; "
            + "--isolation=strict does it";
        return new MachineDefaults(engine, engineReason, IsolationMode.Fast, isolationReason);
    }

    private static CpuidRegisters Leaf(int leaf)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.IsSupported ? X86Base.CpuId(leaf, 0) : default;
        return new CpuidRegisters((uint)eax, (uint)ebx, (uint)ecx, (uint)edx);
    }
}
