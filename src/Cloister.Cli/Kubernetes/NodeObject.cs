using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Kubernetes;

/// <summary>The node as the cluster's API knows it: its labels, and how much EPC it has. Asked for as a pod may, by its service account.</summary>
/// <remarks>
/// Extended resources that no device plugin counts: kubernetes.io, "Advertise Extended Resources for a Node"; the kubelet makes what pods may have of
/// what the node has. Patches are RFC 7396.
/// </remarks>
/// <param name="server">The API's address.</param>
/// <param name="name">The node's name.</param>
/// <param name="account">The folder with the account's token and the authority's certificate.</param>
internal sealed class NodeObject(Uri server, string name, string account) : IDisposable
{
    /// <summary>Where a pod finds its account. kubernetes.io, "Accessing the Kubernetes API from a Pod".</summary>
    public const string UsualAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

    /// <summary>What pods for SGX select nodes by, and what Cloister's runtime class does.</summary>
    public static readonly string[] Labels = [SgxResource.Domain + "/capable", "cloister.dev/node"];

    private const int LongestAnswer = 16 << 20;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    private readonly Lazy<HttpClient> _client = new(() => Client(Path.Combine(account, "ca.crt")));

    /// <summary>The API's address as pods are told it.</summary>
    /// <exception cref="NodeException">This is no pod.</exception>
    public static Uri ServerOfThisPod() =>
        (Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST"), Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_PORT") ?? "443") switch
        {
            ({ Length: > 0 } host, var port) when Uri.TryCreate($"https://{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}/", UriKind.Absolute, out Uri? address) => address,
            _ => throw new NodeException("--node is for a pod of the cluster, and this is none: KUBERNETES_SERVICE_HOST is not set", Failure.Usage),
        };

    /// <summary>Says that the node has the machine, where its object does not say so yet.</summary>
    /// <param name="epc">Bytes of EPC for all of the node's pods.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Whether something was changed.</returns>
    /// <exception cref="NodeException">The API does not permit it, or does not answer.</exception>
    public async Task<bool> Announce(long epc, CancellationToken cancellation)
    {
        JsonObject node = await Ask(HttpMethod.Get, "", null, cancellation);
        string amount = epc.ToString(System.Globalization.CultureInfo.InvariantCulture);
        bool labelled = Labels.All(label => Text(node, "metadata", "labels", label) == "true"), counted = Text(node, "status", "capacity", SgxResource.Epc) == amount;
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

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_client.IsValueCreated)
        {
            _client.Value.Dispose();
        }
    }

    private static JsonObject LabelPatch(string? value) => new() { ["metadata"] = new JsonObject { ["labels"] = new JsonObject(Labels.Select(label => KeyValuePair.Create(label, (JsonNode?)value))) } };

    private static JsonObject CapacityPatch(string? value) => new() { ["status"] = new JsonObject { ["capacity"] = new JsonObject { [SgxResource.Epc] = value } } };

    private static string? Text(JsonObject node, params string[] path)
    {
        JsonNode? at = node;
        foreach (string part in path)
        {
            at = (at as JsonObject)?[part];
        }

        return at is JsonValue value && value.TryGetValue(out string? text) ? text : null;
    }

    private async Task<JsonObject> Ask(HttpMethod method, string part, JsonObject? patch, CancellationToken cancellation)
    {
        string what = $"{method} of node {name}{part}";
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(server, $"api/v1/nodes/{Uri.EscapeDataString(name)}{part}"));

            // It is exchanged every hour.
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(account, "token"), cancellation)).Trim());
            request.Content = patch is null ? null : new StringContent(patch.ToJsonString(), Encoding.UTF8, "application/merge-patch+json");
            using HttpResponseMessage response = await _client.Value.SendAsync(request, cancellation);
            string body = await response.Content.ReadAsStringAsync(cancellation);
            return response.StatusCode != HttpStatusCode.OK ? throw new NodeException($"{what}: the API answers {(int)response.StatusCode}{Reason(body)}")
                : JsonNode.Parse(body) as JsonObject ?? throw new NodeException($"{what}: the API's answer is no object");
        }
        catch (JsonException e)
        {
            throw new NodeException($"{what}: the API's answer is not JSON", inner: e);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new NodeException($"{what}: no answer within {s_patience.TotalSeconds} s", inner: e);
        }
        catch (Exception e) when (e is HttpRequestException or CryptographicException or FormatException || FileProblem.IsOne(e))
        {
            throw new NodeException($"{what}: {(e.InnerException ?? e).Message.ReplaceLineEndings(" ")}", inner: e);
        }
    }

    // A Status object says why.
    private static string Reason(string body)
    {
        try
        {
            return JsonNode.Parse(body) is JsonObject status && Text(status, "message") is { } message ? ": " + PrintableText.Of(message) : "";
        }
        catch (JsonException)
        {
            return "";
        }
    }

    private static HttpClient Client(string authority)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        if (File.Exists(authority))
        {
            policy.CustomTrustStore.ImportFromPemFile(authority);
        }

        var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy } };
        return new HttpClient(handler) { Timeout = s_patience, MaxResponseContentBufferSize = LongestAnswer };
    }
}
