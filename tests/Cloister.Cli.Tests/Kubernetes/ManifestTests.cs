using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cloister.Cli.Commands;
using Cloister.Cli.Containers;
using Cloister.Cli.Kubernetes;
using Cloister.Cli.Tests.Harness;
using k8s;
using k8s.Models;

namespace Cloister.Cli.Tests.Kubernetes;

/// <summary>What is in deploy: read strictly, by the types that are made from the API's schema. No cluster takes part.</summary>
public partial class ManifestTests
{
    private static readonly string s_base = Repository.At("deploy", "kubernetes"), s_chart = Repository.At("deploy", "helm", "cloister"),
        s_monitor = Path.Combine(s_base, "prometheus", "podmonitor.yaml");

    [Fact]
    public void Every_manifest_is_what_the_API_takes()
    {
        string[] files = [.. Directory.EnumerateFiles(s_base, "*.yaml", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) is not ("kustomization.yaml" or "podmonitor.yaml"))];
        Assert.True(files.Length >= 7);
        Assert.All(files, file => Assert.NotEmpty(Read(File.ReadAllText(file))));
    }

    [Fact]
    public void A_field_that_the_API_has_not_is_found() =>
        Assert.ThrowsAny<Exception>(
            () => Read(File.ReadAllText(Path.Combine(s_base, "daemonset.yaml"))
                .Replace("serviceAccountName", "serviceAccuntName", StringComparison.Ordinal)));

    [Fact]
    public void The_base_has_every_part_and_the_parts_know_each_other()
    {
        string[] listed = [.. File.ReadLines(Path.Combine(s_base, "kustomization.yaml"))
            .Where(line => line.StartsWith("  - ", StringComparison.Ordinal)).Select(line => line[4..])];
        Assert.Equal(Directory.GetFiles(s_base).Select(file => Path.GetFileName(file)!).Where(name => name != "kustomization.yaml").Order(),
            listed.Order());
        V1DaemonSet set = Base().OfType<V1DaemonSet>().Single();
        V1PodSpec pod = set.Spec.Template.Spec;
        Assert.Equal(set.Spec.Selector.MatchLabels, set.Spec.Template.Metadata.Labels);
        Assert.Equal(Base().OfType<V1ServiceAccount>().Single().Metadata.Name, pod.ServiceAccountName);
        Assert.Equal(Base().OfType<V1Namespace>().Single().Metadata.Name, set.Metadata.NamespaceProperty);
        Assert.Equal(pod.Volumes.Select(volume => volume.Name), pod.Containers[0].VolumeMounts.Select(mount => mount.Name));

        // By the same path inside and on the node, for what is written there names itself.
        Assert.Equal(pod.Volumes.Select(volume => volume.HostPath.Path), pod.Containers[0].VolumeMounts.Select(mount => mount.MountPath));
        Assert.Superset(new HashSet<string> { PluginSettings.UsualFolder, PluginSettings.UsualCdiFolder, "/opt/cloister", "/run/cloister" },
            pod.Volumes.Select(volume => volume.HostPath.Path).ToHashSet());
        Assert.Equal("NODE_NAME", pod.Containers[0].Env.Single().Name);
        Assert.Empty(CommandLine.Root().Parse([.. pod.Containers[0].Args]).Errors);
        Assert.Equal(["nodes get,patch", "nodes/status patch", "pods get"], Base().OfType<V1ClusterRole>()
            .Single().Rules.Select(rule => $"{string.Join(',', rule.Resources)} {string.Join(',', rule.Verbs)}"));
        Assert.All(Base().OfType<V1RuntimeClass>().Single().Scheduling.NodeSelector.Keys,
            label => Assert.Contains(label, NodeObject.Labels));
    }

    [Fact]
    public void A_pod_for_hardware_asks_for_what_the_plugin_has()
    {
        V1Pod pod = Read(File.ReadAllText(Path.Combine(s_base, "samples", "sgx.yaml"))).OfType<V1Pod>().Single();
        Assert.Null(pod.Spec.RuntimeClassName);
        Assert.Equal(["sgx.intel.com/enclave", SgxResource.Epc, "sgx.intel.com/provision"],
            pod.Spec.Containers[0].Resources.Limits.Keys.Order(StringComparer.Ordinal));
        Assert.Null(pod.Metadata.Annotations);
        Assert.All(pod.Spec.NodeSelector.Keys, label => Assert.Contains(label, NodeObject.Labels));
    }

    // Prometheus' operator, Documentation/api-reference: PodMonitor. Its types are not among the API's.
    [Fact]
    public void Prometheus_finds_the_pods_that_tell()
    {
        V1Pod pod = Read(File.ReadAllText(Path.Combine(s_base, "samples", "metrics.yaml"))).OfType<V1Pod>().Single();
        JsonNode monitor = Untyped(File.ReadAllText(s_monitor))!;
        Assert.Equal(("monitoring.coreos.com/v1", "PodMonitor"), ((string?)monitor["apiVersion"], (string?)monitor["kind"]));
        Assert.Equal(["namespaceSelector", "selector", "podMetricsEndpoints"], monitor["spec"]!.AsObject().Select(member => member.Key));
        Assert.All(monitor["spec"]!["selector"]!["matchLabels"]!.AsObject(),
            label => Assert.Equal((string?)label.Value, pod.Metadata.Labels[label.Key]));
        JsonObject endpoint = Assert.Single(monitor["spec"]!["podMetricsEndpoints"]!.AsArray())!.AsObject();
        Assert.Equal(["port", "path", "interval"], endpoint.Select(member => member.Key));
        V1ContainerPort port = pod.Spec.Containers[0].Ports.Single(port => port.Name == (string?)endpoint["port"]);
        IDictionary<string, string> annotations = pod.Metadata.Annotations;
        Assert.Equal($"0.0.0.0:{port.ContainerPort}", annotations["cloister.dev/metrics"]);
        Assert.Equal(($"{port.ContainerPort}", (string?)endpoint["path"]),
            (annotations["prometheus.io/port"], annotations["prometheus.io/path"]));
        Assert.Contains("--metrics=0.0.0.0:9464",
            ContainerAnnotations.Options(new JsonObject(annotations.Select(one => KeyValuePair.Create(one.Key, (JsonNode?)one.Value)))));
    }

    [Fact]
    public void The_chart_tells_Prometheus_where_it_is_asked_to()
    {
        JsonObject values = Values("[]");
        string template = Path.Combine(s_chart, "templates", "podmonitor.yaml");
        Assert.Equal("", Text(values, template).Trim());
        values["metrics"]!["podMonitor"] = true;
        Assert.True(JsonNode.DeepEquals(Untyped(File.ReadAllText(s_monitor)), Untyped(Text(values, template))));
    }

    [Fact]
    public void The_chart_makes_what_the_base_has()
    {
        JsonObject values = Values("[]");
        string[] chart = [.. Rendered(values).Select(Json).Order(StringComparer.Ordinal)];
        string[] parts = [.. Base().Where(part => part is not V1Namespace).Select(Json).Order(StringComparer.Ordinal)];
        string ours = parts.Single(part => part.Contains("\"DaemonSet\"", StringComparison.Ordinal));
        string theirs = chart.Single(part => part.Contains("\"DaemonSet\"", StringComparison.Ordinal));
        Assert.Equal(parts.Except([ours]), chart.Except([theirs]));
        Assert.Equal(ours.Replace("\"--install\",\"/opt/cloister\"",
            "\"--install\",\"/opt/cloister\",\"--kubelet\",\"/var/lib/kubelet/device-plugins\"", StringComparison.Ordinal), theirs);
    }

    [Fact]
    public void The_charts_values_go_where_they_belong()
    {
        JsonObject values = Values("""["--epc","4G"]""");
        values["node"]!["kubelet"] = "/var/lib/k0s/kubelet";
        values["image"]!["repository"] = "registry.example/cloister";
        V1PodSpec pod = Rendered(values).OfType<V1DaemonSet>().Single().Spec.Template.Spec;
        Assert.Equal(["device-plugin", "--install", "/opt/cloister", "--kubelet", "/var/lib/k0s/kubelet/device-plugins", "--epc", "4G"],
            pod.Containers[0].Args);
        Assert.Empty(CommandLine.Root().Parse([.. pod.Containers[0].Args]).Errors);
        Assert.Equal("registry.example/cloister:0.1.0", pod.Containers[0].Image);
        Assert.Equal("/var/lib/k0s/kubelet/device-plugins", pod.Volumes[0].HostPath.Path);
    }

    private static List<object> Base() =>
        [.. Directory.GetFiles(s_base, "*.yaml").Where(file => Path.GetFileName(file) != "kustomization.yaml")
            .SelectMany(file => Read(File.ReadAllText(file)))];

    private static List<object> Read(string text) => KubernetesYaml.LoadAllFromString(text, strict: true);

    private static string Json(object part) => KubernetesJson.Serialize(part);

    private static JsonObject Values(string arguments)
    {
        JsonObject values =
            JsonSerializer.SerializeToNode(
                KubernetesYaml.Deserialize<Dictionary<string, Dictionary<string, object>>>(
                    File.ReadAllText(Path.Combine(s_chart, "values.yaml"))))!.AsObject();
        values["node"]!["arguments"] = JsonNode.Parse(arguments);
        return values;
    }

    // As much of Helm's language as the chart has: values, quote, range over a list, and a file that is there if a value is true.
    private static List<object> Rendered(JsonObject values)
    {
        var parts = new List<object>();
        foreach (string file in Directory.GetFiles(Path.Combine(s_chart, "templates")))
        {
            parts.AddRange(Read(Text(values, file)));
        }

        return parts;
    }

    private static string Text(JsonObject values, string file)
    {
        string text = If()
            .Replace(File.ReadAllText(file),
                match => Value(values, match.Groups["flag"].Value)!.ToString() == "true" ? match.Groups["body"].Value : "");
        text = Range().Replace(text, match => string.Concat(
            Value(values, match.Groups["list"].Value)!.AsArray()
            .Select(one => match.Groups["body"].Value.TrimEnd()
                .Replace("{{ . | quote }}", one!.ToJsonString(), StringComparison.Ordinal))));
        text = Field().Replace(text, match => match.Groups["path"].Value == "Release.Namespace" ? "cloister"
            : match.Groups["quote"].Success ? Value(values, match.Groups["path"].Value)!.ToJsonString()
            : Value(values, match.Groups["path"].Value)!.ToString());
        Assert.DoesNotContain("{{", text, StringComparison.Ordinal);
        return text;
    }

    private static JsonNode? Untyped(string text) => text.Length == 0 ? null
        : Node(KubernetesYaml.Deserialize<Dictionary<string, object>>(text));

    private static JsonNode? Node(object? value) => value switch
    {
        System.Collections.IDictionary members =>
            new JsonObject(members.Keys.Cast<object>().Select(name => KeyValuePair.Create(name.ToString()!, Node(members[name])))),
        System.Collections.IList items => new JsonArray([.. items.Cast<object>().Select(Node)]),
        null => null,
        bool truth => JsonValue.Create(truth ? "true" : "false"),
        _ => JsonValue.Create(Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture)),
    };

    private static JsonNode? Value(JsonObject values, string path) =>
        path.Split('.').Skip(1).Aggregate((JsonNode?)values, (node, name) => node?[name]);

    [GeneratedRegex(@"^\{\{- if \.(?<flag>[\w.]+) \}\}(?<body>.*)\{\{- end \}\}\s*$", RegexOptions.Singleline)]
    private static partial Regex If();

    [GeneratedRegex(@"\s*\{\{- range \.(?<list>[\w.]+) \}\}(?<body>.*?)\{\{- end \}\}", RegexOptions.Singleline)]
    private static partial Regex Range();

    [GeneratedRegex(@"\{\{ \.(?<path>[\w.]+)(?<quote> \| quote)? \}\}")]
    private static partial Regex Field();
}
