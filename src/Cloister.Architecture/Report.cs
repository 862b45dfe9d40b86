using System.Runtime.InteropServices;

namespace Cloister.Architecture;

/// <summary>What EREPORT says of an enclave, with a MAC for one other enclave. SDM 3D, "REPORT".</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
public struct Report
{
    /// <summary>Its size in bytes.</summary>
    public const int SizeInBytes = 432;

    /// <summary>What the MAC covers.</summary>
    [FieldOffset(0)] public ReportBody Body;

    /// <summary>Against key wear-out.</summary>
    [FieldOffset(384)] public Bytes32 Keyid;

    /// <summary>CMAC with the target's report key.</summary>
    [FieldOffset(416)] public Bytes16 Mac;
}
