using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Libraries;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Services;
using Xunit.Abstractions;

namespace Cloister.Attestation.Tests.Fuzz;

/// <summary>
/// Damaged quotes, certificates, lists, collateral and files give what was asked for or one <see cref="AttestationException"/>; damaged
/// requests give an answer or the end of their connection. CLOISTER_FUZZ_SECONDS makes each run as long as it says, CLOISTER_FUZZ_SEED
/// makes another one.
/// </summary>
public class DamageTests(ITestOutputHelper output)
{
    private static readonly World s_world = new();
    private static readonly byte[] s_quote = s_world.Quote();
    private static readonly Collateral s_collateral = s_world.Collateral();
    private static readonly byte[] s_keyId = AttestationKeyId.Own;

    private static readonly Dictionary<string, (Func<byte[][]> Whole, Action<byte[], Damage> Read)> s_readers = new()
    {
        ["quote"] = (() => [s_quote], (bytes, _) => s_world.Verify(bytes, s_collateral)),
        ["certificate"] = (() => [s_world.Platform.Certificate(s_world.Platform.Platform.Settings.Version).RawData,
            World.Authority.Root.RawData], (bytes, _) => ReadSgx(ParsedCertificate.Parse(bytes))),
        ["certificates"] = (() => [Encoding.ASCII.GetBytes(s_world.Platform.Chain(s_world.Platform.Platform.Settings.Version))],
            (bytes, _) => ParsedCertificate.Chain(Encoding.Latin1.GetString(bytes)).ToList().ForEach(ReadSgx)),
        ["revocation list"] = (() =>
            [s_collateral.PckCrl, s_collateral.RootCrl, s_world.Collateral(new Verdict { IsRevoked = true }).PckCrl],
            (bytes, _) => RevocationList.Parse(bytes)),
        ["collateral"] = (() => [Json(s_collateral)], (bytes, _) => s_world.Verify(s_quote, Collateral.Parse(bytes))),
        ["TCB information"] = (() => [Encoding.UTF8.GetBytes(s_collateral.TcbInfo.Body)],
            (bytes, _) => TcbInfo.Parse(Encoding.UTF8.GetString(bytes))),
        ["identity"] = (() => [Encoding.UTF8.GetBytes(s_collateral.Identity.Body)],
            (bytes, _) => EnclaveIdentity.Parse(Encoding.UTF8.GetString(bytes))),
        ["platform"] = (() => [PlatformText.Write(s_world.Platform.Platform.Settings), PlatformText.Write(s_world.Platform.Platform)],
            (bytes, _) => ReadPlatform(bytes)),
        ["authority"] = (() => [Encoding.ASCII.GetBytes(World.Authority.Write())],
            (bytes, _) => DevelopmentAuthority.Read(Encoding.Latin1.GetString(bytes))),
        ["AESM"] = (Requests, (bytes, _) => new AesmService(s_world.Service).Answer(bytes)),
        ["AESM's socket"] = (() => [.. Requests().Select(request => (byte[])[.. BitConverter.GetBytes(request.Length), .. request])],
            (bytes, _) => Talk(bytes, stream => AesmServer.Serve(new AesmService(s_world.Service), stream, default))),
        ["certificate service"] = (HttpRequests,
            (bytes, _) =>
                Talk(bytes, stream =>
                    HttpServer.Serve((target, _) => Task.FromResult(s_world.Pccs().Get(target)),
                        stream, default))),
        ["libraries"] = (() => [World.Bytes(s_world.Report()), s_keyId, s_quote], Call),
    };

    /// <summary>What is damaged.</summary>
    public static TheoryData<string> Kinds => [.. s_readers.Keys];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Any_damage_is_an_error_and_no_more(string kind)
    {
        (Func<byte[][]> whole, Action<byte[], Damage> read) = s_readers[kind];
        int seed = int.TryParse(Environment.GetEnvironmentVariable("CLOISTER_FUZZ_SEED"), CultureInfo.InvariantCulture, out int asked)
            ? asked : 1;
        int seconds = int.TryParse(Environment.GetEnvironmentVariable("CLOISTER_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out int long_)
            ? long_ : 1;
        var damage = new Damage(seed);
        byte[][] originals = whole();
        foreach (byte[] original in originals)
        {
            read(original, damage); // what is damaged is right before
        }

        long began = Stopwatch.GetTimestamp(), cases = 0, refused = 0;
        for (; Stopwatch.GetElapsedTime(began).TotalSeconds < seconds; cases++)
        {
            byte[] damaged = damage.Of(originals[damage.Random.Next(originals.Length)]);
            long before = GC.GetAllocatedBytesForCurrentThread();
            TimeSpan start = Environment.CpuUsage.TotalTime; // whatever else the machine does
            try
            {
                read(damaged, damage);
            }
            catch (AttestationException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"{kind}, seed {seed}, case {cases}: {e}\n{Convert.ToBase64String(damaged)}");
            }

            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            TimeSpan spent = Environment.CpuUsage.TotalTime - start;
            Assert.True(allocated < 64 << 20 && spent.TotalSeconds < 5,
                $"{kind}, seed {seed}, case {cases} costs {allocated} bytes and {spent.TotalSeconds} s\n{Convert.ToBase64String(damaged)}");
        }

        output.WriteLine($"{kind}: seed {seed}, {cases} cases, {refused} refused");
        Assert.NotEqual(0, cases);
    }

    private static void ReadSgx(ParsedCertificate certificate)
    {
        if (certificate.Sgx is { } extension)
        {
            _ = SgxExtension.Read(extension);
        }
    }

    private static void ReadPlatform(byte[] bytes)
    {
        try
        {
            _ = PlatformText.ReadSettings(bytes);
        }
        catch (AttestationException)
        {
            _ = PlatformText.ReadPlatform(bytes);
        }
    }

    private static byte[] Json(Collateral collateral)
    {
        using var stream = new MemoryStream();
        using (var writer = new System.Text.Json.Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            collateral.Write(writer);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static byte[][] Requests()
    {
        byte[] report = World.Bytes(s_world.Report()), list = [0, 0, 0, 0, 1, 0, 0, 0, .. s_keyId], information = new byte[960];
        return
        [
            Protobuf.Bytes(AesmService.Init, [.. Protobuf.Bytes(1, s_keyId), .. Protobuf.Number(3, 1), .. Protobuf.Number(4, 32)]),
            Protobuf.Bytes(AesmService.Size, Protobuf.Bytes(1, s_keyId)),
            Protobuf.Bytes(AesmService.Get,
                [.. Protobuf.Bytes(1, report), .. Protobuf.Bytes(2, s_keyId), .. Protobuf.Bytes(3, information),
                    .. Protobuf.Number(4, 8192)]),
            Protobuf.Bytes(AesmService.Select, Protobuf.Bytes(1, list)),
            Protobuf.Bytes(AesmService.Count, []),
            Protobuf.Bytes(AesmService.List, Protobuf.Number(1, 256)),
        ];
    }

    private static byte[][] HttpRequests() =>
    [
        .. new[] { "pckcert?qeid=00&encrypted_ppid=00&cpusvn=ffffffffffffffffffffffffffffffff&pcesvn=ffff&pceid=0000",
            "pckcrl?ca=platform&encoding=der", "tcb?fmspc=00C10157E500", "qe/identity", "qve/identity?update=early", "rootcacrl",
            "crl?uri=https%3A%2F%2Fx" }
            .Select(page =>
                Encoding.ASCII.GetBytes($"GET /sgx/certification/v4/{page} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n")),
    ];

    // A connection that has sent these bytes and ends.
    private static void Talk(byte[] bytes, Func<Stream, Task> serve)
    {
        using var stream = new Connection(bytes);
        try
        {
            serve(stream).GetAwaiter().GetResult();
        }
        catch (EndOfStreamException)
        {
            // The connection ends.
        }
    }

    // Any function, with any pointers into memory that has any bytes.
    private static void Call(byte[] bytes, Damage damage)
    {
        LibraryFunction[] functions = [.. AttestationLibrary.All.SelectMany(library => library.Functions)];
        var memory = new CallerMemory(bytes, damage.Random);
        ulong[] arguments = [.. Enumerable.Range(0, 6)
            .Select(_ => damage.Random.Next(4) switch { 0 => 0ul, 1 => (ulong)damage.Random.Next(600), 2 => ulong.MaxValue, _ =>
                (ulong)damage.Random.NextInt64() })];
        try
        {
            _ = functions[damage.Random.Next(functions.Length)].Answer(new LibraryCall(memory, arguments,
                new LibraryServices(s_world.Service, s_world.Platform, new CollateralPublication(s_world.Platform, new Verdict()))))
                .GetAwaiter().GetResult();
        }
        catch (EndOfStreamException)
        {
            // The caller has no such memory.
        }
    }

    private sealed class CallerMemory(byte[] bytes, Random random) : ICallerMemory
    {
        public Task<byte[]> Read(ulong address, int length) => random.Next(20) == 0 ? throw new EndOfStreamException()
            : Task.FromResult((byte[])[.. Enumerable.Range(0, length)
                .Select(i => bytes.Length == 0 ? (byte)0 : bytes[(int)((address + (ulong)i) % (ulong)bytes.Length)])]);

        public Task Write(ulong address, ReadOnlyMemory<byte> written) => random.Next(20) == 0 ? throw new EndOfStreamException()
            : Task.CompletedTask;

        public Task<ulong?> Allocate(int length) => Task.FromResult(random.Next(4) == 0 ? (ulong?)null : 4096);

        public Task Free(ulong address, ulong length) => Task.CompletedTask;
    }

    private sealed class Connection(byte[] bytes) : MemoryStream(bytes, writable: false)
    {
        public override bool CanWrite => true;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.CompletedTask;
    }
}
