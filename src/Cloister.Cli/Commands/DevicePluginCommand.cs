using System.CommandLine;
using Cloister.Cli.Containers;
using Cloister.Cli.Kubernetes;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister device-plugin</c>: what a node of Kubernetes needs.</summary>
internal static class DevicePluginCommand
{
    public static Command Create()
    {
        var epc = new Option<string?>("--epc")
        {
            HelpName = "SIZE",
            Description = "The EPC for all pods of the node: bytes, or with K, M or G. Default: half of the memory.",
        };
        var enclaves = new Option<int>("--enclaves")
        {
            HelpName = "NUMBER",
            DefaultValueFactory = _ => SgxResource.UsualCount,
            Description = $"Containers that can have {SgxResource.Domain}/enclave at once.",
        };
        var provisions = new Option<int>("--provisions")
        {
            HelpName = "NUMBER",
            DefaultValueFactory = _ => SgxResource.UsualCount,
            Description = $"The same of {SgxResource.Domain}/provision.",
        };
        var node = new Option<string?>("--node")
        {
            HelpName = "NAME",
            Description = $"Label this node {string.Join(" and ", NodeObject.Labels)}, and give it {SgxResource.Epc}, by the account of the pod that this is in. Default: NODE_NAME, if it is set.",
        };
        var installation = new Option<string?>("--install")
        {
            HelpName = "FOLDER",
            Description = "Put this program there, with the scripts that the node's container runtime calls, and take it away at the end.",
        };
        var cdi = new Option<string>("--cdi")
        {
            HelpName = "FOLDER",
            DefaultValueFactory = _ => PluginSettings.UsualCdiFolder,
            Description = "Where the file of the container device interface goes. Empty: none.",
        };
        var kubelet = new Option<string>("--kubelet")
        {
            HelpName = "FOLDER",
            DefaultValueFactory = _ => PluginSettings.UsualFolder,
            Description = "Where the kubelet's sockets of plugins are.",
        };
        var command = new Command("device-plugin", """
            Be a device plugin of Kubernetes: pods that ask for sgx.intel.com/enclave, /provision and /epc find them on nodes without SGX.
            One runs on each node, until SIGINT or SIGTERM. It registers with the kubelet, and again when that starts anew.

            Examples:
              cloister device-plugin --node "$NODE_NAME" --install /opt/cloister
              cloister device-plugin --epc 4G --enclaves 20
            """)
        { epc, enclaves, provisions, node, installation, cdi, kubelet };
        command.SetAction(async (parsed, cancellation) =>
        {
            try
            {
                string? name = parsed.GetValue(node) ?? Environment.GetEnvironmentVariable("NODE_NAME");
                using ClusterApi? api = name is { Length: > 0 }
                    ? new ClusterApi(ClusterApi.ServerOfThisPod(), ClusterApi.UsualAccount) : null;
                var settings = new PluginSettings
                {
                    Epc = Epc(parsed.GetValue(epc)),
                    Resources = [Resource("enclave", enclaves, parsed), Resource("provision", provisions, parsed)],
                    Node = api is null ? null : new NodeObject(api, name!),
                    Pods = api is null ? null : new PodObject(api),
                    Installation = Folder(installation, parsed.GetValue(installation)),
                    CdiFolder = Folder(cdi, parsed.GetValue(cdi)),
                    Folder = Folder(kubelet, parsed.GetValue(kubelet)) ?? PluginSettings.UsualFolder,
                };
                using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                using var interruption = Interruption.Of(ended.Cancel);
                await new NodeService(settings, Console.WriteLine).Run(ended.Token);
                return 0;
            }
            catch (NodeException e)
            {
                return Failure.Report($"device-plugin: {e.Message}", e.Status);
            }
            catch (ContainerException e)
            {
                return Failure.Report($"device-plugin: {e.Message}", e.Status);
            }
        });
        return command;
    }

    private static SgxResource Resource(string kind, Option<int> option, ParseResult parsed) =>
        parsed.GetValue(option) is var count and > 0 and <= SgxResource.MostCount
        ? new SgxResource(kind, count)
        : throw new NodeException($"{option.Name} {parsed.GetValue(option)}: write a number from 1 to {SgxResource.MostCount}",
            Failure.Usage);

    private static long Epc(string? text) => text is null ? HostMemory.Read().DefaultEpc
        : SizeText.TryParse(text, out long bytes) && bytes > 0 ? bytes
        : throw new NodeException($"--epc {text}: not a size; write bytes or K, M, G, as in 4G", Failure.Usage);

    private static string? Folder(Option option, string? text) => text is null or "" ? null
        : text[0] == '/' ? text
        : throw new NodeException($"{option.Name} {text}: a full path is needed", Failure.Usage);
}
