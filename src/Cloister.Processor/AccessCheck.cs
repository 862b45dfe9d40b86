using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>The check on every access that an enclave's thread makes. SDM 3D, "Access-control Requirements".</summary>
public static class AccessCheck
{
    /// <summary>Null when the access is allowed, else the fault it raises.</summary>
    public static Fault? Check(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, LinearAddress address, AccessKind access)
        => throw new NotImplementedException();
}
