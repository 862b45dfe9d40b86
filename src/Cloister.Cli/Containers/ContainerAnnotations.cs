using System.Text.Json.Nodes;
using Cloister.Architecture;
using Cloister.Cli.Running;

namespace Cloister.Cli.Containers;

/// <summary>Options of <c>run</c> that a container's annotations give: <c>cloister.dev/epc: 64M</c> is <c>--epc=64M</c>.</summary>
internal static class ContainerAnnotations
{
    /// <summary>What their names begin with.</summary>
    public const string Prefix = "cloister.dev/";

    /// <summary>
    /// The EPC of a pod, as Intel's admission webhook writes it down: the sum of what its containers ask of sgx.intel.com/epc.
    /// intel-device-plugins-for-kubernetes, pkg/webhooks/sgx.
    /// </summary>
    public const string PodEpc = "sgx.intel.com/epc";

    // Of containerd (pkg/cri/annotations) and CRI-O (pkg/annotations): the container that only holds a pod's namespaces.
    private static readonly string[] s_kinds = ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"];

    /// <summary>Whether a container only holds a pod's namespaces, and runs nothing of the user's.</summary>
    public static bool IsSandbox(JsonObject? annotations) => s_kinds.Any(kind => Text(annotations?[kind]) == "sandbox");

    /// <summary>The options.</summary>
    /// <param name="annotations">The container's.</param>
    /// <exception cref="ContainerException">One is no option, or has a value that the option has not.</exception>
    public static IReadOnlyList<string> Options(JsonObject? annotations)
    {
        var options = new List<string>();
        if (EpcOfPod(annotations) is { } epc && annotations?.ContainsKey(Prefix + "epc") is false)
        {
            options.Add($"--epc={epc}");
        }

        foreach ((string name, JsonNode? value) in annotations ?? [])
        {
            if (name.StartsWith(Prefix, StringComparison.Ordinal))
            {
                options.AddRange(Option(name, value));
            }
        }

        return RunArguments.TryParse([.. options, "--", "program"], out _) is { } problem
            ? throw new ContainerException($"the annotations {Prefix}* contradict each other: {Shown(problem)}")
            : options;
    }

    /// <summary>Bytes of EPC that the container's pod asked for, in whole pages; null where it asked for none.</summary>
    /// <param name="annotations">The container's.</param>
    /// <exception cref="ContainerException">It is no amount.</exception>
    public static long? EpcOfPod(JsonObject? annotations)
    {
        if (annotations?[PodEpc] is not { } value)
        {
            return null;
        }

        return Text(value) is { } text && ResourceQuantity.TryParse(text, out long bytes)
            && bytes is > 0 and <= (long)int.MaxValue * LinearAddress.PageSize
            ? (bytes + LinearAddress.PageSize - 1) / LinearAddress.PageSize * LinearAddress.PageSize
            : throw new ContainerException(
                $"the annotation {PodEpc}: {Shown(Text(value) ?? "what is there")} is no amount of EPC, as 64Mi is");
    }

    /// <summary>The pod of a container, by the name of the container that holds its namespaces; null where there is none.</summary>
    /// <param name="annotations">The container's.</param>
    public static string? Pod(JsonObject? annotations) => Text(annotations?["io.kubernetes.cri.sandbox-id"])
        ?? Text(annotations?["io.kubernetes.cri-o.SandboxID"]);

    // Whoever may make a container may write what he likes, and as much as an object of the API may have: 256 KiB.
    private static string Shown(string text)
    {
        const int longest = 200;
        return PrintableText.Of(text.Length <= longest ? text : text[..longest] + "...");
    }

    private static IEnumerable<string> Option(string annotation, JsonNode? value)
    {
        string name = annotation[Prefix.Length..];
        RunOption[] all = [.. RunOptions.All.Where(option => !option.IsFile)];
        if (Array.Find(all, option => option.Name == "--" + name) is not { } option)
        {
            string reason = RunOptions.Find("--" + name) is { IsFile: true } ? "names a file, and whose would it be?"
                : "is no option of `cloister run`"
                    + Spelling.Advice(name, all.Select(one => one.Name[2..]), "`cloister run --help` lists them");
            throw new ContainerException($"the annotation {Shown(annotation)}: {Shown(name)} {Shown(reason)}");
        }

        string text = Text(value) ?? throw new ContainerException($"the annotation {Shown(annotation)} has no text for a value");
        if (option.ValueName is null)
        {
            return text switch
            {
                "true" => [option.Name],
                "false" => [],
                _ => throw new ContainerException($"the annotation {Shown(annotation)}: {Shown(text)} is neither true nor false"),
            };
        }

        string word = $"{option.Name}={text}";
        return RunArguments.TryParse([word, "--", "program"], out RunArguments read) is { } problem
            ? throw new ContainerException($"the annotation {Shown(annotation)}: {Shown(problem)}")
            : read.CpuHelp ? throw new ContainerException($"the annotation {Shown(annotation)}: {Shown(text)} is no processor")
            : [word];
    }

    /// <summary>A node's text; null where it is none.</summary>
    public static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
