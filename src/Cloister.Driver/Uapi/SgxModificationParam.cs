using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_modification_param of the out-of-tree driver.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct SgxModificationParam
{
    /// <summary>The pages.</summary>
    public SgxRange Range;

    /// <summary>The permissions to keep.</summary>
    public ulong Flags;
}
