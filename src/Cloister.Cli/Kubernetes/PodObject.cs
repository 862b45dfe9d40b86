using System.Text.Json.Nodes;
using Cloister.Cli.Containers;

namespace Cloister.Cli.Kubernetes;

/// <summary>A pod as the cluster's API knows it: how much EPC it asks for.</summary>
/// <param name="api">The API.</param>
internal sealed class PodObject(ClusterApi api)
{
    /// <summary>Asks.</summary>
    /// <param name="pod">Which pod.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Bytes; 0 where it asks for none.</returns>
    /// <exception cref="NodeException">The API does not permit it, does not answer, or the pod asks for what is no amount.</exception>
    public async Task<long> Epc(PodName pod, CancellationToken cancellation)
    {
        string what = $"the EPC of pod {pod.Text}";
        JsonObject found = await api.Ask(what, HttpMethod.Get, $"namespaces/{pod.Namespace}/pods/{pod.Name}", null, cancellation);
        JsonObject? specification = found["spec"] as JsonObject;

        // What is there at once is added up, and one that ends before the others begin has what they have later: kubernetes.io, "Init
        // Containers". Intel's webhook writes down the sum: intel-device-plugins-for-kubernetes, pkg/webhooks/sgx.
        long sum = 0, most = 0;
        foreach (JsonObject container in Containers(specification, "containers"))
        {
            sum += Amount(container, what);
        }

        foreach (JsonObject container in Containers(specification, "initContainers"))
        {
            if (ClusterApi.Text(container, "restartPolicy") == "Always")
            {
                sum += Amount(container, what);
            }
            else
            {
                most = Math.Max(most, Amount(container, what));
            }
        }

        return Math.Max(sum, most);
    }

    private static IEnumerable<JsonObject> Containers(JsonObject? specification, string kind) =>
        (specification?[kind] as JsonArray ?? []).OfType<JsonObject>();

    // A limit of an extended resource is its request as well.
    private static long Amount(JsonObject container, string what)
    {
        string? text = ClusterApi.Text(container, "resources", "limits", SgxResource.Epc);
        return text is null ? 0 : ResourceQuantity.TryParse(text, out long bytes) && bytes < long.MaxValue / 1000 ? bytes
            : throw new NodeException($"{what}: {PrintableText.Of(text)} is no amount");
    }
}
