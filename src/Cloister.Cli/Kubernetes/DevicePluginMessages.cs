using System.Text;
using Cloister.Attestation.Services;
using Cloister.Cli.Grpc;

namespace Cloister.Cli.Kubernetes;

/// <summary>
/// The messages between a device plugin and the kubelet. kubernetes, k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1/api.proto: names and
/// numbers of fields.
/// </summary>
internal static class DevicePluginMessages
{
    /// <summary>The version of the interface.</summary>
    public const string Version = "v1beta1";

    /// <summary>The path of a method of the kubelet's service.</summary>
    public const string Register = $"/{Version}.Registration/Register";

    /// <summary>The path of a method of the plugin's service.</summary>
    public static string Method(string name) => $"/{Version}.DevicePlugin/{name}";

    /// <summary>A RegisterRequest: version = 1, endpoint = 2, resource_name = 3, options = 4.</summary>
    public static byte[] Registration(string endpoint, string resource) =>
        [.. Text(1, Version), .. Text(2, endpoint), .. Text(3, resource), .. Protobuf.Bytes(4, Options())];

    /// <summary>
    /// DevicePluginOptions: pre_start_required = 1, get_preferred_allocation_available = 2. Neither is needed: one device is as good as the
    /// other.
    /// </summary>
    public static byte[] Options() => [];

    /// <summary>A ListAndWatchResponse: devices = 1, each with ID = 1 and health = 2.</summary>
    public static byte[] Devices(IEnumerable<string> names) =>
        [.. names.SelectMany(name => Protobuf.Bytes(1, [.. Text(1, name), .. Text(2, "Healthy")]))];

    /// <summary>Reads an AllocateRequest: container_requests = 1, each with devices_ids = 1. The devices of each container.</summary>
    /// <exception cref="GrpcException">It is none.</exception>
    public static List<IReadOnlyList<string>> AllocateRequest(ReadOnlyMemory<byte> message) =>
        [.. Messages(message, 1).Select(request => Texts(Fields(request), 1))];

    /// <summary>
    /// Reads a PreferredAllocationRequest: container_requests = 1, each with available_deviceIDs = 1, must_include_deviceIDs = 2 and
    /// allocation_size = 3.
    /// </summary>
    /// <exception cref="GrpcException">It is none.</exception>
    public static IEnumerable<(IReadOnlyList<string> Available, IReadOnlyList<string> Included,
        int Size)> PreferredRequest(ReadOnlyMemory<byte> message) =>
        Messages(message, 1).Select(Fields)
        .Select(fields => (Texts(fields, 1), Texts(fields, 2), unchecked((int)fields.LastOrDefault(field => field.Number == 3).Value)));

    /// <summary>A PreferredAllocationResponse: container_responses = 1, each with deviceIDs = 1.</summary>
    public static byte[] Preferred(IEnumerable<IEnumerable<string>> containers) =>
        [.. containers.SelectMany(devices => Protobuf.Bytes(1, [.. devices.SelectMany(device => Text(1, device))]))];

    /// <summary>
    /// An AllocateResponse: container_responses = 1, each with envs = 1 and cdi_devices = 5; an entry of a map has key = 1 and value = 2, a
    /// device name = 1.
    /// </summary>
    public static byte[] Allocated(IEnumerable<(IReadOnlyDictionary<string, string> Variables,
        IReadOnlyList<string> Devices)> containers) =>
        [.. containers.SelectMany(container => Protobuf.Bytes(1,
        [
            .. container.Variables.SelectMany(one => Protobuf.Bytes(1, [.. Text(1, one.Key), .. Text(2, one.Value)])),
            .. container.Devices.SelectMany(device => Protobuf.Bytes(5, Text(1, device))),
        ]))];

    private static byte[] Text(int field, string text) => Protobuf.Bytes(field, Encoding.UTF8.GetBytes(text));

    private static IEnumerable<ReadOnlyMemory<byte>> Messages(ReadOnlyMemory<byte> message, int field) =>
        Fields(message).Where(one => one.Number == field)
        .Select(one => one.Bytes ?? throw new GrpcException(GrpcCode.InvalidArgument, $"field {field} is no message"));

    private static List<ProtobufField> Fields(ReadOnlyMemory<byte> message) =>
        Protobuf.TryParse(message, out List<ProtobufField>? fields) ? fields
        : throw new GrpcException(GrpcCode.InvalidArgument, $"no message of {Version}");

    private static IReadOnlyList<string> Texts(List<ProtobufField> fields, int number) =>
        [.. fields.Where(field => field.Number == number)
            .Select(field => field.Bytes is { } bytes ? Encoding.UTF8.GetString(bytes.Span)
                : throw new GrpcException(GrpcCode.InvalidArgument, $"field {number} is no text"))];
}
