using System.Net;
using System.Net.Sockets;
using System.Text;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Services;
using Cloister.Attestation.Verification;

namespace Cloister.Attestation.Tests.Services;

/// <summary>The two services by their sockets: whoever says nothing or nonsense keeps nobody waiting.</summary>
public class ServerTests
{
    private static readonly World s_world = new(new PlatformSettings { PendingCpusvn = "02020000000000000000000000000000" });

    private static Socket Connected(string name)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        socket.Connect(new UnixDomainSocketEndPoint(name));
        return socket;
    }

    [Fact]
    public void Connections_that_say_nothing_keep_nobody_waiting()
    {
        string name = $"\0cloister-test-{Guid.NewGuid():n}";
        using ConnectionServer server = AesmServer.Begin(name, new AesmService(s_world.Service));
        List<Socket> idle = [.. Enumerable.Range(0, 1000).Select(_ => Connected(name))];
        _ = Parallel.For(0, 20, _ =>
        {
            using Socket socket = Connected(name);
            byte[] request = Protobuf.Bytes(21, []), answer = new byte[64];
            socket.Send([.. BitConverter.GetBytes(request.Length), .. request]);
            int length = socket.Receive(answer);
            Assert.True(length > 4);
        });

        // What is too long, and what is no message, ends its connection.
        Assert.All(new byte[][] { [0xff, 0xff, 0xff, 0xff, 0], [2, 0, 0, 0, 0xff, 0xff], [0, 0, 0, 0] }, bytes =>
        {
            using Socket socket = Connected(name);
            socket.Send(bytes);
            Assert.Equal(0, socket.Receive(new byte[16], 0, 16, SocketFlags.None, out SocketError error));
            Assert.True(error is SocketError.Success or SocketError.ConnectionReset, error.ToString());
        });
        idle.ForEach(socket => socket.Dispose());
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("GET /x HTTP/1.1\r\n\r\n", "404")]
    [InlineData("GET /sgx/certification/v4/rootcacrl HTTP/1.0\r\nHost: x\r\n\r\n", "200")]
    [InlineData("POST /sgx/certification/v4/platforms HTTP/1.1\r\n\r\n", "405")]
    [InlineData("GET x HTTP/1.1\r\n\r\n", "400")]
    [InlineData("nonsense\r\n\r\n", "400")]
    [InlineData("GET / HTTP/1.1\r\nX: y", null)]
    [InlineData("GET /metrics HTTP/2.0\r\n\r\n", "400")]
    [InlineData("\0\u00ff\r\n\r\n", "400")]
    public async Task A_request_has_one_answer(string request, string? status)
    {
        using ConnectionServer server = HttpServer.Begin(new IPEndPoint(IPAddress.Loopback, 0),
            s_world.Pccs().Get, out IPEndPoint bound);
        using var client = new TcpClient();
        await client.ConnectAsync(bound);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        client.Client.Shutdown(SocketShutdown.Send);
        using var reader = new StreamReader(stream);
        string answer = await reader.ReadToEndAsync();
        Assert.True(status is null ? answer.Length == 0 : answer.StartsWith($"HTTP/1.1 {status} ", StringComparison.Ordinal), answer);
    }

    [Fact]
    public async Task A_head_that_is_too_long_is_refused()
    {
        using var stream = new MemoryStream();
        stream.Write(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n" + new string('x', 20_000)));
        long end = stream.Position;
        stream.Position = 0;
        await HttpServer.Serve((_, _) => throw new InvalidOperationException(), stream, CancellationToken.None);
        Assert.Contains("431", Encoding.ASCII.GetString(stream.ToArray()), StringComparison.Ordinal);
        Assert.True(end > 16 << 10);
    }

    [Theory]
    [InlineData(3, "SGX-TCB-Info-Issuer-Chain")]
    [InlineData(4, "TCB-Info-Issuer-Chain")]
    public void What_it_gives_is_what_a_verifier_needs(int version, string header)
    {
        var service = s_world.Pccs(new Verdict { Tcb = TcbStatus.SWHardeningNeeded });
        HttpAnswer Get(string what)
        {
            HttpAnswer answer = service.Get($"/sgx/certification/v{version}/{what}");
            Assert.True(answer.Status == 200, Encoding.UTF8.GetString(answer.Body));
            return answer;
        }

        string Header(HttpAnswer answer, string name) => Uri.UnescapeDataString(answer.Headers.Single(one => one.Name == name).Value);
        string Text(HttpAnswer answer) => Encoding.UTF8.GetString(answer.Body);
        HttpAnswer list = Get("pckcrl?ca=platform&encoding=der"), tcb = Get("tcb?fmspc=00c10157e500"),
            identity = Get("qe/identity?update=early");
        byte[] root = Convert.FromHexString(Text(Get("rootcacrl")));
        Assert.Equal(RevocationList.Parse(root).Issuer.ToArray(),
            RevocationList.Parse(Get("crl?uri=" + Uri.EscapeDataString(DevelopmentAuthority.RootCrlUri)).Body).Issuer.ToArray());
        var collateral = new Collateral(Header(list, "SGX-PCK-CRL-Issuer-Chain"), root, list.Body, Header(tcb, header),
            SignedText.Parse(Text(tcb), TcbInfo.Member),
            Header(identity, "SGX-Enclave-Identity-Issuer-Chain"), SignedText.Parse(Text(identity), EnclaveIdentity.Member));
        VerificationReport report = s_world.Verify(s_world.Quote(), collateral, DateTimeOffset.UtcNow);
        Assert.Equal(TcbStatus.SWHardeningNeeded, report.Status);
        Assert.Contains("\"id\":\"QVE\"", Text(Get("qve/identity")), StringComparison.Ordinal);
        Assert.NotEqual(list.Body, Convert.FromHexString(Text(Get("pckcrl?ca=processor"))));
    }

    [Fact]
    public void A_certificate_is_of_the_newest_version_that_the_platform_has_reached()
    {
        var service = s_world.Pccs();
        HttpAnswer Get(string cpusvn, string pcesvn) =>
            service.Get($"/sgx/certification/v4/pckcert?qeid=00&encrypted_ppid=00&cpusvn={cpusvn}&pcesvn={pcesvn}&pceid=0000");
        HttpAnswer old = Get("01010000000000000000000000000000", "1000"), newer = Get("02FF0000000000000000000000000000", "1100");
        Assert.Equal("010100000000000000000000000000001000", old.Headers.Single(one => one.Name == "SGX-TCBm").Value);
        Assert.Equal("020200000000000000000000000000001000", newer.Headers.Single(one => one.Name == "SGX-TCBm").Value);
        Assert.Equal("platform", old.Headers.Single(one => one.Name == "SGX-PCK-Certificate-CA-Type").Value);
        Assert.NotEqual(old.Body, newer.Body);
        Assert.Equal(462, Get("00000000000000000000000000000000", "1000").Status);
        Assert.Equal(400, Get("00", "1000").Status);
        Assert.Equal(404, service.Get("/sgx/certification/v4/tcb?fmspc=00906ED50000").Status);
        Assert.Equal(400, service.Get("/sgx/certification/v4/tcb").Status);
        Assert.Equal(400, service.Get("/sgx/certification/v4/pckcrl?ca=x").Status);
        Assert.Equal(404, service.Get("/sgx/certification/v4/crl?uri=http%3a%2f%2fx").Status);
        Assert.Equal(404, service.Get("/sgx/certification/v2/rootcacrl").Status);
    }
}
