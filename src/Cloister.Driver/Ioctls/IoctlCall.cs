using Cloister.Driver.Services;

namespace Cloister.Driver.Ioctls;

/// <summary>What an ioctl is called with: one of the two kinds of file, the argument and the calling thread.</summary>
internal readonly record struct IoctlCall(
    DriverServices Services,
    SgxEnclave? Enclave,
    VirtualEpc? VirtualEpc,
    ulong Argument,
    ICaller Caller);
