using Cloister.Cli.Containers;

namespace Cloister.Cli.Kubernetes;

/// <summary>What the device plugin of a node is told.</summary>
internal sealed record PluginSettings
{
    /// <summary>Where the kubelet has its own socket and looks for those of plugins. kubernetes.io, "Device Plugins".</summary>
    public const string UsualFolder = "/var/lib/kubelet/device-plugins";

    /// <summary>Where container runtimes look for files of the container device interface that are made at run time.</summary>
    public const string UsualCdiFolder = "/var/run/cdi";

    /// <summary>The kubelet's folder.</summary>
    public string Folder { get; init; } = UsualFolder;

    /// <summary>The folder of the container device interface; null: no such devices.</summary>
    public string? CdiFolder { get; init; }

    /// <summary>Where this program is put on the node; null: it is there already.</summary>
    public string? Installation { get; init; }

    /// <summary>The resources.</summary>
    public required IReadOnlyList<SgxResource> Resources { get; init; }

    /// <summary>Bytes of EPC for all of the node's pods.</summary>
    public required long Epc { get; init; }

    /// <summary>Where the EPC of pods is counted.</summary>
    public EpcLedger Ledger { get; init; } = EpcLedger.OfThisNode;

    /// <summary>The cluster's pods, where the node's container runtime may ask for their EPC.</summary>
    public PodObject? Pods { get; init; }

    /// <summary>Where it asks.</summary>
    public string PodsSocket { get; init; } = PodEpc.OfThisNode.Path;

    /// <summary>The node, where the cluster is told of it.</summary>
    public NodeObject? Node { get; init; }

    /// <summary>How long between two looks at what the kubelet did.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(1);
}
