using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Containers;

/// <summary>The name of a pod.</summary>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Name">Its name there.</param>
internal sealed record PodName(string Namespace, string Name)
{
    // kubernetes.io, "Object Names and IDs".
    private const int Longest = 253;

    /// <summary>Both.</summary>
    public string Text => $"{Namespace}/{Name}";

    /// <summary>Reads what <see cref="Text"/> makes; null where it is none.</summary>
    public static PodName? Parse(string text) => text.Split('/') is [var space, var name] && IsOne(space) && IsOne(name)
        ? new PodName(space, name) : null;

    /// <summary>The pod of a container, by its annotations; null where there is none.</summary>
    /// <param name="annotations">The container's.</param>
    public static PodName? Of(JsonObject? annotations)
    {
        // containerd, pkg/cri/annotations; CRI-O, pkg/annotations, and what the kubelet labels containers with.
        JsonObject? labels = Labels(ContainerAnnotations.Text(annotations?["io.kubernetes.cri-o.Labels"]));
        string? space = ContainerAnnotations.Text(annotations?["io.kubernetes.cri.sandbox-namespace"])
            ?? ContainerAnnotations.Text(labels?["io.kubernetes.pod.namespace"]);
        string? name = ContainerAnnotations.Text(annotations?["io.kubernetes.cri.sandbox-name"])
            ?? ContainerAnnotations.Text(labels?["io.kubernetes.pod.name"]);
        return space is null || name is null ? null : Parse($"{space}/{name}");
    }

    private static bool IsOne(string name) => name.Length is > 0 and <= Longest && char.IsAsciiLetterOrDigit(name[0])
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.');

    private static JsonObject? Labels(string? text)
    {
        try
        {
            return text is null ? null : ForeignJson.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
