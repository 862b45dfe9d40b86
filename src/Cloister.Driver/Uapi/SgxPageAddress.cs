using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>The argument of the out-of-tree driver's PAGE_REMOVE.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct SgxPageAddress
{
    /// <summary>Linear address of the page.</summary>
    public ulong Addr;
}
