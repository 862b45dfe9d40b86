using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.Cli.Containers;
using Cloister.Cli.Kubernetes;
using Cloister.Cli.Tests.Harness;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cloister.Cli.Tests.Kubernetes;

public sealed class NodeObjectTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _asked = [];
    private JsonObject _node = Node("{}", "{}");
    private int _status = 200;
    private ClusterApi? _api;

    public void Dispose()
    {
        _api?.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_node_is_labelled_and_given_its_EPC_once()
    {
        await using WebApplication api = await Api();
        NodeObject node = NodeOf(api);
        Assert.True(await node.Announce(1 << 30, default));
        Assert.Equal(
            [
                "GET /api/v1/nodes/node%201",
                """PATCH /api/v1/nodes/node%201 application/merge-patch+json; charset=utf-8 {"metadata":{"labels":{"sgx.intel.com/capable":"true","cloister.dev/node":"true"}}}""",
                """PATCH /api/v1/nodes/node%201/status application/merge-patch+json; charset=utf-8 {"status":{"capacity":{"sgx.intel.com/epc":"1073741824"}}}""",
            ],
            _asked);
        _asked.Clear();
        _node = Node("""{"sgx.intel.com/capable":"true","cloister.dev/node":"true"}""", """{"sgx.intel.com/epc":"1073741824"}""");
        Assert.False(await node.Announce(1 << 30, default));
        Assert.Equal(["GET /api/v1/nodes/node%201"], _asked);
        _asked.Clear();
        await node.Withdraw(default);
        Assert.EndsWith("""{"metadata":{"labels":{"sgx.intel.com/capable":null,"cloister.dev/node":null}}}""", _asked[0],
            StringComparison.Ordinal);
        Assert.EndsWith("""/status application/merge-patch+json; charset=utf-8 {"status":{"capacity":{"sgx.intel.com/epc":null}}}""",
            _asked[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_API_does_not_permit_is_told_in_its_words()
    {
        await using WebApplication api = await Api();
        NodeObject node = NodeOf(api);
        _status = 403;
        _node = new JsonObject { ["kind"] = "Status", ["message"] = "nodes \"node 1\" is forbidden\u001b" };
        Assert.Equal("GET of node node 1: the API answers 403: nodes \"node 1\" is forbidden?", await Refused(node));
        _node = new JsonObject { ["message"] = new JsonArray() };
        Assert.Equal("GET of node node 1: the API answers 403", await Refused(node));
    }

    [Theory]
    [InlineData("""{"metadata":7,"status":[]}""")]
    [InlineData("""{"metadata":{"labels":null},"status":{"capacity":{"sgx.intel.com/epc":7}}}""")]
    public async Task A_node_that_is_none_is_labelled_all_the_same(string text)
    {
        await using WebApplication api = await Api();
        NodeObject node = NodeOf(api);
        _node = (JsonObject)JsonNode.Parse(text)!;
        Assert.True(await node.Announce(1, default));
    }

    [Fact]
    public async Task Another_authority_is_not_trusted()
    {
        await using WebApplication api = await Api();
        NodeObject node = NodeOf(api);
        using X509Certificate2 other = Authority(out _);
        File.WriteAllText(Path.Combine(_directory.Path, "ca.crt"), other.ExportCertificatePem());
        Assert.Contains("certificate", await Refused(node), StringComparison.Ordinal);
        Assert.Empty(_asked);
        File.Delete(Path.Combine(_directory.Path, "token"));
        Assert.Contains("token", await Refused(node), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"containers":[{"resources":{"limits":{"sgx.intel.com/epc":"64Mi"}}},{"resources":{"limits":{"sgx.intel.com/epc":"1Mi","cpu":"1"}}},{}]}""", 65 << 20)]
    [InlineData("""{"containers":[{"resources":{"limits":{"sgx.intel.com/epc":"1Mi"}}}],"initContainers":[{"resources":{"limits":{"sgx.intel.com/epc":"8Mi"}}}]}""", 8 << 20)]
    [InlineData("""{"containers":[{"resources":{"limits":{"sgx.intel.com/epc":"1Mi"}}}],"initContainers":[{"restartPolicy":"Always","resources":{"limits":{"sgx.intel.com/epc":"8Mi"}}}]}""", 9 << 20)]
    [InlineData("""{"containers":[{"resources":{"requests":{"cpu":"1"}}}]}""", 0)]
    [InlineData("""{"containers":7}""", 0)]
    [InlineData("7", 0)]
    public async Task A_pods_EPC_is_what_its_containers_ask_for(string specification, long expected)
    {
        await using WebApplication api = await Api();
        _node = new JsonObject { ["spec"] = JsonNode.Parse(specification) };
        string socket = Path.Combine(_directory.Path, "pods.sock");
        var undo = new Stack<Action>();
        PodEpcServer.Begin(socket, new PodObject(ApiOf(api)), undo);
        Assert.Equal(expected == 0 ? null : expected, await Task.Run(() => new PodEpc(socket).Ask(new PodName("default", "web-0"))));
        Assert.Equal(["GET /api/v1/namespaces/default/pods/web-0"], _asked);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(socket));
        undo.ToList().ForEach(action => action());
        Assert.False(File.Exists(socket));
    }

    [Fact]
    public async Task What_is_wrong_with_it_is_told_to_who_asked()
    {
        await using WebApplication api = await Api();
        string socket = Path.Combine(_directory.Path, "pods.sock");
        var undo = new Stack<Action>();
        PodEpcServer.Begin(socket, new PodObject(ApiOf(api)), undo);
        async Task<string> Problem(string name) =>
            (await Assert.ThrowsAsync<ContainerException>(
                () => Task.Run(() => new PodEpc(socket).Ask(new PodName("default", name))))).Message;
        Assert.Equal("that is no name of a pod", await Problem("../../nodes/x"));
        Assert.Equal("that is no name of a pod", await Problem(new string('x', 500)));
        Assert.Empty(_asked);
        _node = new JsonObject { ["spec"] = JsonNode.Parse("""{"containers":[{"resources":{"limits":{"sgx.intel.com/epc":"lots"}}}]}""") };
        Assert.Equal("the EPC of pod default/a: lots is no amount", await Problem("a"));
        (_status, _node) = (403, new JsonObject { ["message"] = "pods \"a\" is forbidden" });
        Assert.Equal("the EPC of pod default/a: the API answers 403: pods \"a\" is forbidden", await Problem("a"));
        undo.ToList().ForEach(action => action());
        Assert.Null(new PodEpc(socket).Ask(new PodName("default", "a")));
    }

    [Fact]
    public void A_containers_pod_has_a_name()
    {
        Assert.Equal("default/web-0",
            PodName.Of(new JsonObject
            {
                ["io.kubernetes.cri.sandbox-namespace"] = "default",
                ["io.kubernetes.cri.sandbox-name"] = "web-0",
            })?.Text);
        Assert.Equal("a/b.c",
            PodName.Of(new JsonObject
            {
                ["io.kubernetes.cri-o.Labels"] = """{"io.kubernetes.pod.name":"b.c","io.kubernetes.pod.namespace":"a"}""",
            })?.Text);
        Assert.All(
            [null, new JsonObject(), new JsonObject { ["io.kubernetes.cri-o.Labels"] = "{" }, new JsonObject
            {
                ["io.kubernetes.cri.sandbox-namespace"] = "..",
                ["io.kubernetes.cri.sandbox-name"] = "x",
            }],
            annotations => Assert.Null(PodName.Of(annotations)));
    }

    [Fact]
    public void Outside_of_a_pod_there_is_no_API() =>
        Assert.Contains("KUBERNETES_SERVICE_HOST", Assert.Throws<NodeException>(ClusterApi.ServerOfThisPod).Message,
            StringComparison.Ordinal);

    private static JsonObject Node(string labels, string capacity) => new()
    {
        ["metadata"] = new JsonObject { ["labels"] = JsonNode.Parse(labels) },
        ["status"] = new JsonObject { ["capacity"] = JsonNode.Parse(capacity) },
    };

    private static async Task<string> Refused(NodeObject node) =>
        (await Assert.ThrowsAsync<NodeException>(() => node.Announce(1, default))).Message;

    private ClusterApi ApiOf(WebApplication api) => _api = new ClusterApi(new Uri(api.Urls.Single() + "/"), _directory.Path);

    private NodeObject NodeOf(WebApplication api) => new(ApiOf(api), "node 1");

    // The API's side: TLS by an authority of its own, a token, and JSON.
    private async Task<WebApplication> Api()
    {
        X509Certificate2 authority = Authority(out ECDsa key);
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kube-apiserver", own, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 signed = request.Create(authority.SubjectName, X509SignatureGenerator.CreateForECDsa(key),
            DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), [1, 2, 3]);
        X509Certificate2 certificate =
            X509CertificateLoader.LoadPkcs12(signed.CopyWithPrivateKey(own).Export(X509ContentType.Pkcs12), null);
        File.WriteAllText(Path.Combine(_directory.Path, "ca.crt"), authority.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_directory.Path, "token"), "secret\n");
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration()
            .ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0, endpoint => endpoint.UseHttps(certificate)));
        WebApplication application = builder.Build();
        application.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            string body = await reader.ReadToEndAsync();
            string target = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
            _asked.Add($"{context.Request.Method} {target} {context.Request.ContentType} {body}".TrimEnd());
            Assert.Equal("Bearer secret", context.Request.Headers.Authorization.ToString());
            context.Response.StatusCode = _status;
            await context.Response.WriteAsync(_node.ToJsonString());
        });
        await application.StartAsync();
        return application;
    }

    private static X509Certificate2 Authority(out ECDsa key)
    {
        key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
