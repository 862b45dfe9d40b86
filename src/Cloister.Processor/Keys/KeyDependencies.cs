using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Processor.Keys;

/// <summary>
/// What a key is derived from. SDM 3D, "Key Derivation". The manual names the fields and not their places, so these are our own.
/// PADDING is left out: EINIT has verified that it is the same constant for every enclave.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct KeyDependencies
{
    public KeyName Keyname;
    public Keypolicy Keypolicy;
    public ushort Isvprodid;
    public ushort Isvsvn;
    public ushort Configsvn;
    public ushort Reserved;
    public Miscselect Miscselect;
    public Miscselect Miscmask;
    public Attributes Attributes;
    public Attributes Attributesmask;
    public Bytes16 Cpusvn;
    public Bytes16 Isvfamilyid;
    public Bytes16 Isvextprodid;
    public Bytes16 Ownerepoch;
    public Bytes16 SealKeyFuses;
    public Bytes32 Mrenclave;
    public Bytes32 Mrsigner;
    public Bytes32 Keyid;
    public Bytes64 Configid;
}
