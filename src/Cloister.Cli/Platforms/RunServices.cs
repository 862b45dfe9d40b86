using System.Net;
using System.Security.Cryptography;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Libraries;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Quotes;
using Cloister.Attestation.Services;
using Cloister.Engine.Options;

namespace Cloister.Cli.Platforms;

/// <summary>
/// The services that a program under <c>run</c> finds: AESM at its socket, the certificate service by the file that names it, and libraries
/// that ask without either. Nothing of them is there before it is first asked for. They run on threads of their own; the tracer tells them
/// the CPUSVN, and no more.
/// </summary>
internal sealed class RunServices : IDisposable
{
    // linux-sgx, psw/ae/aesm_service/source/core/ipc/SocketConfig.h; /var/run is /run. Gramine and Fortanix try the abstract name as well.
    private static readonly string[] s_paths = ["/var/run/aesmd/aesm.socket", "/run/aesmd/aesm.socket"], s_names = ["sgx_aesm_socket_base"];

    private readonly Lazy<CertifiedPlatform> _certified;
    private readonly Lazy<QuotingService> _quoting;
    private readonly StartedService<string> _aesm, _libraries;
    private readonly StartedService<byte[]> _pccs;

    /// <summary>Services that nobody has asked for yet.</summary>
    /// <param name="platform">Gives the platform when it is needed.</param>
    /// <param name="verdict">What verifiers shall find.</param>
    /// <param name="notice">Hears in one line what is wrong.</param>
    public RunServices(Func<Platform> platform, Verdict verdict, Action<string> notice)
    {
        _certified = new Lazy<CertifiedPlatform>(() => new CertifiedPlatform(platform(), AuthorityStore.Take(notice)));
        _quoting = new Lazy<QuotingService>(() => new QuotingService(_certified.Value));
        var published = new Lazy<CollateralPublication>(() => new CollateralPublication(_certified.Value, verdict));
        _aesm = new StartedService<string>("AESM", () =>
        {
            string name = NewName("aesm");
            return (AesmServer.Begin("\0" + name, new AesmService(_quoting.Value)), name);
        }, notice);
        _libraries = new StartedService<string>("the quote libraries", () =>
        {
            var services = new LibraryServices(_quoting.Value, _certified.Value, published.Value);
            string name = NewName("libraries");
            return (ConnectionServer.Begin("\0" + name,
                (stream, cancellation) => AttestationLibraries.Serve(services, stream, cancellation)), name);
        }, notice);
        _pccs = new StartedService<byte[]>("the certificate service", () =>
        {
            ConnectionServer server = HttpServer.Begin(new IPEndPoint(IPAddress.Loopback, 0),
                new PccsService(_certified.Value, published.Value).Get, out IPEndPoint bound);
            return (server, QcnlConfiguration.Content(bound.Port));
        }, notice);
    }

    /// <summary>Gives the machine's CPUSVN.</summary>
    public Func<byte[]>? Cpusvn { get; set; }

    /// <summary>The sockets, for the engine.</summary>
    public IReadOnlyList<ServedSocket> Sockets =>
        [new ServedSocket(s_paths, s_names, () => Now(_aesm)), new ServedSocket([], [AttestationLibraries.Socket], () => Now(_libraries))];

    /// <summary>The files, for the engine.</summary>
    public IReadOnlyList<ServedFile> Files => [new ServedFile(QcnlConfiguration.Path, () => _pccs.Place)];

    /// <inheritdoc/>
    public void Dispose()
    {
        _aesm.Dispose();
        _libraries.Dispose();
        _pccs.Dispose();
    }

    // Whoever connects finds the quoting enclave of the machine's present CPUSVN.
    private string? Now(StartedService<string> service)
    {
        string? place = service.Place;
        if (_quoting.IsValueCreated && Cpusvn is not null)
        {
            _quoting.Value.Cpusvn = Cpusvn();
        }

        return place;
    }

    private static string NewName(string what) => $"cloister-{what}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}";
}
