namespace Cloister.Engine.Options;

/// <summary>Owner, group and mode of the device nodes. Linux's belong to root, distributions give them to groups
/// <c>sgx</c> and <c>sgx_prv</c>.</summary>
public sealed record DeviceNodeOptions
{
    /// <summary>/dev/sgx_enclave, and what it was called before.</summary>
    public DeviceAccess Enclave { get; init; } = DeviceAccess.All;

    /// <summary>/dev/sgx_provision.</summary>
    public DeviceAccess Provision { get; init; } = DeviceAccess.All;

    /// <summary>/dev/sgx_vepc.</summary>
    public DeviceAccess VirtualEpc { get; init; } = DeviceAccess.All;

    internal DeviceAccess Of(DeviceNode node) => node switch
    {
        DeviceNode.Enclave => Enclave,
        DeviceNode.Provision => Provision,
        _ => VirtualEpc,
    };
}
