using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Platforms;
using Cloister.Attestation.Quotes;
using Cloister.Attestation.Services;
using Cloister.Cli.Platforms;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister attest serve</c>: the two services for programs and verifiers elsewhere, until it is ended.</summary>
internal static class ServeCommand
{
    // The port of Intel's service.
    private const int UsualPort = 8081, Backlog = 4096;

    public static Command Create()
    {
        var platform = new Option<string?>("--platform")
        {
            HelpName = "NAME",
            Description = "The platform whose quotes and certificates they are. Default: this user's own.",
        };
        var seed = new Option<string?>("--seed")
        {
            HelpName = "TEXT",
            Description = "The machine of `run --seed TEXT`, in place of a platform.",
        };
        var aesm = new Option<string?>("--aesm") { HelpName = "PATH", Description = "Serve AESM at a UNIX socket at this path." };
        var pccs = new Option<string?>("--pccs")
        {
            HelpName = "ADDRESS",
            Description = $"Where the certificate service is: ADDRESS:PORT or PORT; port 0 is one that is free. Default: 127.0.0.1:{UsualPort}.",
        };
        var verdict = new VerdictOptions();
        var command = new Command("serve", """
            Serve AESM and the certificate service for programs and verifiers elsewhere, as in a container, until SIGINT or SIGTERM.
            Programs under `run` need neither: they find both by themselves.
            """)
        { platform, seed, aesm, pccs };
        verdict.AddTo(command);
        command.SetAction(parsed =>
        {
            try
            {
                RunPlatform chosen = RunPlatform.Of(parsed.GetValue(seed), parsed.GetValue(platform));
                Platform whole = chosen.Whole(line => throw new PlatformProblem(line, Failure.InputOutput));
                return Serve(new CertifiedPlatform(whole, AuthorityStore.Take()), parsed.GetValue(aesm), Address(parsed.GetValue(pccs)),
                    verdict.Read(parsed));
            }
            catch (PlatformProblem problem)
            {
                return Failure.Report($"attest serve: {problem.Message}", problem.Status);
            }
        });
        return command;
    }

    private static int Serve(CertifiedPlatform platform, string? path, IPEndPoint address, Attestation.Collaterals.Verdict verdict)
    {
        using var ended = new ManualResetEventSlim();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        var service = new PccsService(platform, new CollateralPublication(platform, verdict));
        using ConnectionServer pccs = Begin($"--pccs {address}", () => HttpServer.Begin(address, service.Get, out address));
        using ConnectionServer? aesm = path is null ? null
            : Begin($"--aesm {path}",
                () => AesmServer.Begin(SocketAtPath.Listen(path, Backlog), new AesmService(new QuotingService(platform))), path);
        Console.WriteLine($"certificates at http://{address}/sgx/certification/v4/");
        if (path is not null)
        {
            Console.WriteLine($"AESM at {path}");
        }

        ended.Wait();
        if (path is not null)
        {
            File.Delete(path);
        }

        return 0;

        void End(PosixSignalContext context)
        {
            context.Cancel = true;
            ended.Set();
        }
    }

    private static ConnectionServer Begin(string what, Func<ConnectionServer> begin, string? path = null)
    {
        try
        {
            return begin();
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new PlatformProblem(
                $"{what}: {(e is not SocketException error ? e.Message.ReplaceLineEndings(" ") : path is null ? ListenAddress.ProblemOf(error) : SocketProblem.Of(path, error))}", Failure.Unavailable);
        }
    }

    private static IPEndPoint Address(string? text) => text is null ? new IPEndPoint(IPAddress.Loopback, UsualPort)
        : ListenAddress.Parse(text)
        ?? throw new PlatformProblem($"--pccs {text}: write PORT or ADDRESS:PORT, as in 127.0.0.1:8081", Failure.Usage);
}
