using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Kubernetes;

/// <summary>The cluster's API, asked as a pod may: by its service account.</summary>
/// <param name="server">Its address.</param>
/// <param name="account">The folder with the account's token and the authority's certificate.</param>
internal sealed class ClusterApi(Uri server, string account) : IDisposable
{
    /// <summary>Where a pod finds its account. kubernetes.io, "Accessing the Kubernetes API from a Pod".</summary>
    public const string UsualAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

    private const int LongestAnswer = 16 << 20;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    private readonly Lazy<HttpClient> _client = new(() => Client(Path.Combine(account, "ca.crt")));

    /// <summary>The API's address as pods are told it.</summary>
    /// <exception cref="NodeException">This is no pod.</exception>
    public static Uri ServerOfThisPod() =>
        (Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST"), Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_PORT")
            ?? "443") switch
        {
            ({ Length: > 0 } host, var port)
                when Uri.TryCreate($"https://{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}/",
                    UriKind.Absolute, out Uri? address) => address,
            _ => throw new NodeException("--node is for a pod of the cluster, and this is none: KUBERNETES_SERVICE_HOST is not set",
                Failure.Usage),
        };

    /// <summary>Asks.</summary>
    /// <param name="what">What is asked for, for its errors.</param>
    /// <param name="method">GET or PATCH.</param>
    /// <param name="path">Of the object, behind /api/v1/.</param>
    /// <param name="patch">What changes; RFC 7396.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The object.</returns>
    /// <exception cref="NodeException">The API does not permit it, or does not answer.</exception>
    public async Task<JsonObject> Ask(string what, HttpMethod method, string path, JsonObject? patch, CancellationToken cancellation)
    {
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(server, "api/v1/" + path));

            // It is exchanged every hour.
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer",
                (await File.ReadAllTextAsync(Path.Combine(account, "token"), cancellation)).Trim());
            request.Content = patch is null ? null : new StringContent(patch.ToJsonString(), Encoding.UTF8, "application/merge-patch+json");
            using HttpResponseMessage response = await _client.Value.SendAsync(request, cancellation);
            string body = await response.Content.ReadAsStringAsync(cancellation);
            return response.StatusCode != HttpStatusCode.OK
                ? throw new NodeException($"{what}: the API answers {(int)response.StatusCode}{Reason(body)}")
                : ForeignJson.Parse(body) as JsonObject ?? throw new NodeException($"{what}: the API's answer is no object");
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

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_client.IsValueCreated)
        {
            _client.Value.Dispose();
        }
    }

    /// <summary>A text in an object; null where there is none.</summary>
    /// <param name="node">The object.</param>
    /// <param name="path">Names, from the outermost.</param>
    public static string? Text(JsonObject node, params string[] path)
    {
        JsonNode? at = node;
        foreach (string part in path)
        {
            at = (at as JsonObject)?[part];
        }

        return at is JsonValue value && value.TryGetValue(out string? text) ? text : null;
    }

    // A Status object says why.
    private static string Reason(string body)
    {
        try
        {
            return ForeignJson.Parse(body) is JsonObject status && Text(status, "message") is { } message
                ? ": " + PrintableText.Of(message) : "";
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

        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy },
        };
        return new HttpClient(handler) { Timeout = s_patience, MaxResponseContentBufferSize = LongestAnswer };
    }
}
