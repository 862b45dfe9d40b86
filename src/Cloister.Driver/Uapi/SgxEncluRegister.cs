using System.Runtime.InteropServices;

namespace Cloister.Driver.Uapi;

/// <summary>struct sgx_enclu_register (RFC v3 of December 2018).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct SgxEncluRegister
{
    /// <summary>Address of the program's ENCLU instruction.</summary>
    public ulong Enclu;

    /// <summary>Address of its exception handler.</summary>
    public ulong Handler;
}
