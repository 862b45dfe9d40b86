using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Quotes;
using Cloister.Attestation.Services;
using Cloister.Engine.Options;

namespace Cloister.Cli.Platforms;

/// <summary>
/// The services that a program under <c>run</c> finds: AESM at its socket, and the certificate service by the file that names it. Nothing of them is
/// there before it is first asked for. They run on threads of their own; the tracer tells them the CPUSVN, and no more.
/// </summary>
internal sealed class RunServices : IDisposable
{
    // linux-sgx, psw/ae/aesm_service/source/core/ipc/SocketConfig.h; /var/run is /run. Gramine and Fortanix try the abstract name as well.
    private static readonly string[] s_paths = ["/var/run/aesmd/aesm.socket", "/run/aesmd/aesm.socket"], s_names = ["sgx_aesm_socket_base"];

    private readonly Func<Platform> _platform;
    private readonly Verdict _verdict;
    private readonly Action<string> _notice;
    private readonly Lazy<CertifiedPlatform> _certified;
    private QuotingService? _quoting;
    private ConnectionServer? _aesm, _pccs;
    private string? _address;
    private byte[]? _configuration;
    private bool _failed;

    /// <summary>Services that nobody has asked for yet.</summary>
    /// <param name="platform">Gives the platform when it is needed.</param>
    /// <param name="verdict">What verifiers shall find.</param>
    /// <param name="notice">Hears in one line what is wrong.</param>
    public RunServices(Func<Platform> platform, Verdict verdict, Action<string> notice)
    {
        (_platform, _verdict, _notice) = (platform, verdict, notice);
        _certified = new Lazy<CertifiedPlatform>(() => new CertifiedPlatform(_platform(), AuthorityStore.Take(_notice)));
    }

    /// <summary>Gives the machine's CPUSVN.</summary>
    public Func<byte[]>? Cpusvn { get; set; }

    /// <summary>The sockets, for the engine.</summary>
    public IReadOnlyList<ServedSocket> Sockets => [new ServedSocket(s_paths, s_names, Aesm)];

    /// <summary>The files, for the engine.</summary>
    public IReadOnlyList<ServedFile> Files => [new ServedFile(QcnlConfiguration.Path, Configuration)];

    /// <inheritdoc/>
    public void Dispose()
    {
        _aesm?.Dispose();
        _pccs?.Dispose();
    }

    private string? Aesm()
    {
        if (_address is null)
        {
            string name = $"cloister-aesm-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}";
            _aesm = Begin(() => AesmServer.Begin("\0" + name, new AesmService(_quoting = new QuotingService(_certified.Value))), "AESM");
            _address = _aesm is null ? null : name;
        }

        if (_quoting is not null && Cpusvn is not null)
        {
            _quoting.Cpusvn = Cpusvn();
        }

        return _address;
    }

    private byte[]? Configuration()
    {
        if (_configuration is null)
        {
            int port = 0;
            _pccs = Begin(() =>
            {
                ConnectionServer server = HttpServer.Begin(new IPEndPoint(IPAddress.Loopback, 0), new PccsService(_certified.Value, _verdict).Get, out IPEndPoint bound);
                port = bound.Port;
                return server;
            }, "the certificate service");
            _configuration = _pccs is null ? null : QcnlConfiguration.Content(port);
        }

        return _configuration;
    }

    private ConnectionServer? Begin(Func<ConnectionServer> begin, string what)
    {
        if (_failed)
        {
            return null;
        }

        try
        {
            return begin();
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            _failed = true;
            _notice($"{what} cannot be served: {e.Message.ReplaceLineEndings(" ")}");
            return null;
        }
    }
}
