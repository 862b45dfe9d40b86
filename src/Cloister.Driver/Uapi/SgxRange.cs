using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_range of the out-of-tree driver, with its padding.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct SgxRange
{
    /// <summary>Linear address of the first page.</summary>
    public ulong StartAddr;

    /// <summary>Pages.</summary>
    public uint NrPages;

    /// <summary>Not looked at.</summary>
    public uint Padding;
}
