using System.Runtime.Intrinsics.X86;
using Cloister.Architecture;
using Cloister.Linux;
using Cloister.Processor;
using Cloister.Processor.Cpus;

namespace Cloister.Engine.Instructions;

/// <summary>The processor that programs run on.</summary>
internal static class HostProcessor
{
    private const int Avx512 = 7 << 5, Pkru = 1 << 9, Ospke = 1 << 4;
    private static readonly Lazy<XsaveLayout> s_xsave = new(() => XsaveLayout.Of(Cpuid, HostProbe.ExtendedState() ?? Enabled()));

    /// <summary>Where it keeps the state that programs have. The kernel's copies of it, and so enclaves' frames, lie so.</summary>
    public static XsaveLayout Xsave => s_xsave.Value;

    /// <summary>CPUID.</summary>
    public static CpuidRegisters Cpuid(uint leaf, uint subleaf)
    {
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)leaf, (int)subleaf);
        return new CpuidRegisters((uint)eax, (uint)ebx, (uint)ecx, (uint)edx);
    }

    /// <summary>The machine that was asked for, with no more than this processor has.</summary>
    public static MachineOptions Fit(MachineOptions asked) => asked.Cpu is { } model
        ? asked.On(model) with { Xsave = new CpuidAnswers(Cpuid, model, Xsave).Xsave }
        : asked with { Xsave = Xsave };

    // The runtime has looked at XCR0 before it says yes.
    private static ulong Enabled()
    {
        ulong enabled = Attributes.XfrmLegacy;
        enabled |= Avx.IsSupported ? 4u : 0;
        enabled |= Avx512F.IsSupported ? Avx512 : 0u;
        return enabled | (Cpuid(0, 0).Eax >= 7 && (Cpuid(7, 0).Ecx & Ospke) != 0 ? Pkru : 0u);
    }
}
