using Cloister.Driver;
using Cloister.Engine.Options;

namespace Cloister.Engine.Devices;

/// <summary>The device nodes of each generation of the driver.</summary>
internal static class DeviceNames
{
    /// <summary>What a path leads to, or null when the generation has no node there.</summary>
    public static DeviceNode? Find(Generation generation, string path) => (generation, path) switch
    {
        // 01org/linux-sgx-driver: misc device "isgx". The 2018 tree: "sgx".
        (Generation.Isgx, "/dev/isgx") => DeviceNode.Enclave,
        (Generation.V16 or Generation.RfcEnclu, "/dev/sgx") => DeviceNode.Enclave,
        (Generation.Isgx or Generation.V16 or Generation.RfcEnclu, _) => null,

        // Linux 5.11, with the names udev rules gave them before.
        (_, "/dev/sgx_enclave" or "/dev/sgx/enclave") => DeviceNode.Enclave,
        (_, "/dev/sgx_provision" or "/dev/sgx/provision") => DeviceNode.Provision,

        // Guests came with Linux 5.13.
        (not Generation.V5_11, "/dev/sgx_vepc") => DeviceNode.VirtualEpc,
        _ => null,
    };
}
