namespace Cloister.Linux;

/// <summary>What the kernel told this process when it began. Source: getauxval(3), System V ABI x86-64, 3.4.1.</summary>
public static class AuxiliaryVector
{
    /// <summary>AT_SYSINFO_EHDR: where the vDSO's ELF header is.</summary>
    public const ulong SysinfoEhdr = 33;

    /// <summary>The value of an entry; 0 when there is none.</summary>
    public static ulong Find(ulong type) => NativeMethods.Getauxval(type);
}
