using Cloister.Cli.Containers;

namespace Cloister.Cli.Kubernetes;

/// <summary>
/// One of the resources that a node counts by pieces. Intel's convention: sgx.intel.com/enclave and sgx.intel.com/provision, one for each
/// container that opens the node.
/// </summary>
/// <param name="Kind">The last part of its name.</param>
/// <param name="Count">How many there are.</param>
internal sealed record SgxResource(string Kind, int Count)
{
    /// <summary>Whose convention it is: intel-device-plugins-for-kubernetes, cmd/sgx_plugin.</summary>
    public const string Domain = "sgx.intel.com";

    /// <summary>As many as a node has pods, unless it is told otherwise; the same there.</summary>
    public const int UsualCount = 110;

    /// <summary>More than this no node has.</summary>
    public const int MostCount = 10_000;

    /// <summary>The resource of the EPC, in bytes. Nodes have it without a plugin's devices: there would be one for each byte.</summary>
    public const string Epc = ContainerAnnotations.PodEpc;

    /// <summary>What pods ask for.</summary>
    public string Name => $"{Domain}/{Kind}";

    /// <summary>The file of its socket: Intel's plugin has it as well, so that two of them find each other.</summary>
    public string SocketName => $"{Domain}-{Kind}.sock";

    /// <summary>The variable that a container with one of it has.</summary>
    public string Variable => Kind == "enclave" ? ContainerConfiguration.AllocatedVariable : "CLOISTER_SGX_PROVISION";

    /// <summary>The device that a container gets, by the container device interface.</summary>
    public string CdiDevice => $"{CdiSpecification.Kind}={Kind}";

    /// <summary>The names of all of it.</summary>
    public IEnumerable<string> Devices => Enumerable.Range(0, Count).Select(number => $"sgx-{Kind}-{number}");

    /// <summary>Whether there is one of that name.</summary>
    public bool Has(string device)
    {
        string front = $"sgx-{Kind}-";
        return device.StartsWith(front, StringComparison.Ordinal)
            && int.TryParse(device.AsSpan(front.Length), System.Globalization.NumberStyles.None, null, out int number)
            && number < Count && device == $"{front}{number}";
    }
}
