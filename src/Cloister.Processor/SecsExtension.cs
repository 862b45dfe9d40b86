using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>
/// Fields that the manual says a SECS has, without saying where: EID, ISVFAMILYID, ISVEXTPRODID.
/// They go into its reserved part, so that they are evicted and loaded with it.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct SecsExtension
{
    public const int Offset = 3072;

    public ulong Eid;
    public Bytes16 Isvfamilyid;
    public Bytes16 Isvextprodid;
}
