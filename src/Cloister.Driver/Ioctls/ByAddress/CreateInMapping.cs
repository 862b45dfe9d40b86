using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>SGX_IOC_ENCLAVE_CREATE of the drivers before v20: pages are written out to the driver's own memory.</summary>
internal sealed class CreateInMapping(IoctlCall call) : CreationInMapping<SgxEnclaveCreate>(call)
{
    protected override ulong Source => Parameters.Src;
}
