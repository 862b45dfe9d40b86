namespace Cloister.Architecture;

/// <summary>A feature of a processor: one bit of CPUID.</summary>
/// <param name="Name">As /proc/cpuinfo has it among its flags.</param>
/// <param name="Leaf">The leaf.</param>
/// <param name="Subleaf">The sub-leaf.</param>
/// <param name="Register">The register.</param>
/// <param name="Bit">The bit.</param>
public readonly record struct CpuFeature(string Name, uint Leaf, uint Subleaf, CpuidRegister Register, int Bit)
{
    /// <summary>Whether an answer of this leaf has it.</summary>
    public bool IsIn(CpuidRegisters answer) => (Register switch
    {
        CpuidRegister.Eax => answer.Eax,
        CpuidRegister.Ebx => answer.Ebx,
        CpuidRegister.Ecx => answer.Ecx,
        _ => answer.Edx,
    } >> Bit & 1) != 0;
}
