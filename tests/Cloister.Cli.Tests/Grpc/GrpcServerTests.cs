using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Cloister.Cli.Grpc;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Grpc;

public sealed class GrpcServerTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private readonly TemporaryDirectory _directory = new();

    private string Socket => Path.Combine(_directory.Path, "s");

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(70_000)]
    [InlineData(GrpcFrame.LongestMessage)]
    public async Task A_call_is_answered(int length)
    {
        await using GrpcServer server = await Begin();
        byte[] message = RandomNumberGenerator.GetBytes(length);
        Assert.Equal(message, await GrpcClient.Call(Socket, "/x.Y/Echo", message, s_patience, default));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));
    }

    [Theory]
    [InlineData("/x.Y/Refuse", (int)GrpcCode.ResourceExhausted, "more: 100% «of it»?")]
    [InlineData("/x.Y/Fail", (int)GrpcCode.Internal, "NotSupportedException")]
    [InlineData("/x.Y/Later", (int)GrpcCode.NotFound, "gone")]
    [InlineData("/x.Y/Other", (int)GrpcCode.Unimplemented, "there is no method /x.Y/Other")]
    public async Task What_goes_wrong_is_told_to_the_caller(string method, int code, string message)
    {
        await using GrpcServer server = await Begin();
        GrpcException error =
            await Assert.ThrowsAsync<GrpcException>(() => GrpcClient.Call(Socket, method, ReadOnlyMemory<byte>.Empty, s_patience, default));
        Assert.Equal((code, message), ((int)error.Code, error.Message));
    }

    [Fact]
    public async Task Nobody_there_is_said_in_words()
    {
        GrpcException error =
            await Assert.ThrowsAsync<GrpcException>(
                () => GrpcClient.Call(Socket, "/x.Y/Echo", ReadOnlyMemory<byte>.Empty, s_patience, default));
        Assert.Equal(GrpcCode.Unavailable, error.Code);
        await using GrpcServer server = await Begin();
        error = await Assert.ThrowsAsync<GrpcException>(
            () => GrpcClient.Call(Socket, "/x.Y/Never", ReadOnlyMemory<byte>.Empty, TimeSpan.FromMilliseconds(50), default));
        Assert.Equal((GrpcCode.Unavailable, "no answer within 0.05 s"), (error.Code, error.Message));
    }

    [Fact]
    public async Task A_stream_that_never_ends_ends_with_the_server()
    {
        GrpcServer server = await Begin();
        Task<byte[]> call = GrpcClient.Call(Socket, "/x.Y/Never", ReadOnlyMemory<byte>.Empty, s_patience, default);
        await Task.Delay(50);
        await server.DisposeAsync();
        Assert.Equal(GrpcCode.Unavailable, (await Assert.ThrowsAsync<GrpcException>(() => call)).Code);
    }

    // The first byte says that it is compressed, the next four how long it is.
    [Theory]
    [InlineData("", "13", "a call without a message")]
    [InlineData("00", "13", "what came is no message of gRPC")]
    [InlineData("0000000005", "13", "a message ends too early")]
    [InlineData("000000000501", "13", "a message ends too early")]
    [InlineData("0000400001", "8", "a message of 4194305 bytes is too long; the most is 4194304")]
    [InlineData("00FFFFFFFF", "8", "a message of 4294967295 bytes is too long; the most is 4194304")]
    [InlineData("0100000000", "12", "compressed messages are not understood")]
    [InlineData("0700000000", "13", "what came is no message of gRPC")]
    public async Task A_body_that_is_no_message_is_refused(string body, string code, string message)
    {
        await using GrpcServer server = await Begin();
        HttpResponseMessage response = await Post("/x.Y/Echo", Convert.FromHexString(body), "application/grpc");
        Assert.Equal((code, message),
            (response.Headers.GetValues("grpc-status").Single(),
                Uri.UnescapeDataString(string.Join(" ", response.Headers.GetValues("grpc-message")))));
    }

    [Fact]
    public async Task What_is_no_call_is_refused()
    {
        await using GrpcServer server = await Begin();
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await Post("/x.Y/Echo", [], "text/plain")).StatusCode);
        byte[] tooLong = new byte[GrpcFrame.LongestMessage + 100];
        tooLong[1] = 0;
        tooLong[2] = 0x3f;
        Assert.NotEqual("0", (await Post("/x.Y/Never", tooLong, "application/grpc")).Headers.GetValues("grpc-status").FirstOrDefault());
    }

    [Fact]
    public async Task Bytes_that_are_no_protocol_end_their_own_connection_only()
    {
        await using GrpcServer server = await Begin();
        byte[] preface = Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            byte[] noise = new byte[random.Next(2000)];
            random.NextBytes(noise);
            using var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(Socket));
            try
            {
                await connection.SendAsync(seed % 2 == 0 ? noise : [.. preface, .. noise]);
            }
            catch (SocketException)
            {
                // It has been shown the door already.
            }
        }

        Assert.Equal([1], await GrpcClient.Call(Socket, "/x.Y/Echo", new byte[] { 1 }, s_patience, default));
    }

    [Fact]
    public async Task Many_at_once_are_served()
    {
        await using GrpcServer server = await Begin();
        byte[][] answers = await Task.WhenAll(Enumerable.Range(0, 40)
            .Select(i => GrpcClient.Call(Socket, "/x.Y/Echo", new[] { (byte)i }, s_patience, default)));
        Assert.Equal(Enumerable.Range(0, 40), answers.Select(answer => (int)answer[0]));
    }

    private Task<GrpcServer> Begin() => GrpcServer.Begin(Socket, new Dictionary<string, GrpcMethod>
    {
        ["/x.Y/Echo"] = Echo,
        ["/x.Y/Refuse"] = (_, _) => throw new GrpcException(GrpcCode.ResourceExhausted, "more: 100% «of it»?"),
        ["/x.Y/Fail"] = (_, _) => throw new NotSupportedException("secret"),
        ["/x.Y/Later"] = Later,
        ["/x.Y/Never"] = Never,
    });

    private async Task<HttpResponseMessage> Post(string path, byte[] body, string type)
    {
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(Socket), cancellation);
                return new NetworkStream(connection, ownsSocket: true);
            },
        });
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(type);
        return await client.SendAsync(new HttpRequestMessage(HttpMethod.Post, "http://localhost" + path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        });
    }

    private static async IAsyncEnumerable<byte[]> Echo(ReadOnlyMemory<byte> request,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.Yield();
        yield return request.ToArray();
    }

    private static async IAsyncEnumerable<byte[]> Later(ReadOnlyMemory<byte> request,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        yield return [1];
        await Task.Yield();
        throw new GrpcException(GrpcCode.NotFound, "gone");
    }

    private static async IAsyncEnumerable<byte[]> Never(ReadOnlyMemory<byte> request,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.Delay(Timeout.Infinite, cancellation);
        yield break;
    }
}
