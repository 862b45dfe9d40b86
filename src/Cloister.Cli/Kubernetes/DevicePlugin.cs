using System.Runtime.CompilerServices;
using Cloister.Cli.Grpc;

namespace Cloister.Cli.Kubernetes;

/// <summary>What the kubelet may ask of one resource.</summary>
/// <param name="resource">The resource.</param>
/// <param name="useCdi">Whether containers get a device of the container device interface.</param>
internal sealed class DevicePlugin(SgxResource resource, bool useCdi)
{
    /// <summary>The methods, by their paths.</summary>
    public IReadOnlyDictionary<string, GrpcMethod> Methods => new Dictionary<string, GrpcMethod>
    {
        [DevicePluginMessages.Method("GetDevicePluginOptions")] = One(_ => DevicePluginMessages.Options()),
        [DevicePluginMessages.Method("ListAndWatch")] = ListAndWatch,
        [DevicePluginMessages.Method("Allocate")] = One(Allocate),
        [DevicePluginMessages.Method("GetPreferredAllocation")] = One(Prefer),
        [DevicePluginMessages.Method("PreStartContainer")] = One(_ => []),
    };

    private static GrpcMethod One(Func<ReadOnlyMemory<byte>, byte[]> answer)
    {
        return Answer;

        async IAsyncEnumerable<byte[]> Answer(ReadOnlyMemory<byte> request, [EnumeratorCancellation] CancellationToken cancellation)
        {
            await Task.CompletedTask;
            yield return answer(request);
        }
    }

    // They stay as they are until the plugin ends.
    private async IAsyncEnumerable<byte[]> ListAndWatch(ReadOnlyMemory<byte> request,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        yield return DevicePluginMessages.Devices(resource.Devices);
        await Task.Delay(Timeout.Infinite, cancellation);
    }

    private byte[] Allocate(ReadOnlyMemory<byte> request)
    {
        List<IReadOnlyList<string>> containers = DevicePluginMessages.AllocateRequest(request);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (string device in containers.SelectMany(devices => devices))
        {
            if (!resource.Has(device))
            {
                throw new GrpcException(GrpcCode.NotFound,
                    $"{resource.Name}: there is no device {PrintableText.Of(device)}; there are {resource.Count}");
            }

            if (!taken.Add(device))
            {
                throw new GrpcException(GrpcCode.InvalidArgument, $"{resource.Name}: device {device} is asked for twice");
            }
        }

        return DevicePluginMessages.Allocated(containers.Select(_ => (
            (IReadOnlyDictionary<string, string>)new Dictionary<string, string> { [resource.Variable] = "1" },
            (IReadOnlyList<string>)(useCdi ? [resource.CdiDevice] : []))));
    }

    private byte[] Prefer(ReadOnlyMemory<byte> request) => DevicePluginMessages.Preferred(DevicePluginMessages.PreferredRequest(request)
        .Select(container =>
    {
        string[] devices = [.. container.Included.Union(container.Available)];
        return container.Size < container.Included.Count || container.Size > devices.Length
            ? throw new GrpcException(GrpcCode.InvalidArgument,
                $"{resource.Name}: {container.Size} devices of {devices.Length}, {container.Included.Count} of them in any case")
            : devices.Take(container.Size);
    }).ToList());
}
