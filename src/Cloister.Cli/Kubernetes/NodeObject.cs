using System.Text.Json.Nodes;

namespace Cloister.Cli.Kubernetes;

/// <summary>The node as the cluster's API knows it: its labels, and how much EPC it has.</summary>
/// <remarks>
/// Extended resources that no device plugin counts: kubernetes.io, "Advertise Extended Resources for a Node"; the kubelet makes what pods
/// may have of what the node has. Patches are RFC 7396.
/// </remarks>
/// <param name="api">The API.</param>
/// <param name="name">The node's name.</param>
internal sealed class NodeObject(ClusterApi api, string name)
{
    /// <summary>What pods for SGX select nodes by, and what Cloister's runtime class does.</summary>
    public static readonly string[] Labels = [SgxResource.Domain + "/capable", "cloister.dev/node"];

    /// <summary>Says that the node has the machine, where its object does not say so yet.</summary>
    /// <param name="epc">Bytes of EPC for all of the node's pods.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Whether something was changed.</returns>
    /// <exception cref="NodeException">The API does not permit it, or does not answer.</exception>
    public async Task<bool> Announce(long epc, CancellationToken cancellation)
    {
        JsonObject node = await Ask(HttpMethod.Get, "", null, cancellation);
        string amount = epc.ToString(System.Globalization.CultureInfo.InvariantCulture);
        bool labelled = Labels.All(label => ClusterApi.Text(node, "metadata", "labels", label) == "true"),
            counted = ClusterApi.Text(node, "status", "capacity", SgxResource.Epc) == amount;
        if (!labelled)
        {
            _ = await Ask(HttpMethod.Patch, "", LabelPatch("true"), cancellation);
        }

        if (!counted)
        {
            _ = await Ask(HttpMethod.Patch, "/status", CapacityPatch(amount), cancellation);
        }

        return !labelled || !counted;
    }

    /// <summary>Takes back what was said.</summary>
    /// <exception cref="NodeException">The API does not permit it, or does not answer.</exception>
    public async Task Withdraw(CancellationToken cancellation)
    {
        _ = await Ask(HttpMethod.Patch, "", LabelPatch(null), cancellation);
        _ = await Ask(HttpMethod.Patch, "/status", CapacityPatch(null), cancellation);
    }

    private static JsonObject LabelPatch(string? value) => new()
    {
        ["metadata"] = new JsonObject { ["labels"] = new JsonObject(Labels.Select(label => KeyValuePair.Create(label, (JsonNode?)value))) },
    };

    private static JsonObject CapacityPatch(string? value) => new()
    {
        ["status"] = new JsonObject { ["capacity"] = new JsonObject { [SgxResource.Epc] = value } },
    };

    private Task<JsonObject> Ask(HttpMethod method, string part, JsonObject? patch, CancellationToken cancellation) =>
        api.Ask($"{method} of node {name}{part}", method, $"nodes/{Uri.EscapeDataString(name)}{part}", patch, cancellation);
}
