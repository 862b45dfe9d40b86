using Cloister.Attestation;
using Cloister.Images;
using Cloister.Linux;

namespace Cloister.Cli.Commands;

/// <summary>One clear line on the error stream for what goes wrong with a file, and the exit status 2.</summary>
internal static class Failing
{
    public const int Failed = 1;
    public const int Unreadable = 2;

    // 128 + SIGINT, as shells have it.
    public const int Interrupted = 130;

    public static int Guard(string file, Func<int> action)
    {
        try
        {
            return action();
        }
        catch (Exception wrong) when (wrong is ImageException or AttestationException)
        {
            return Report(file, wrong.Message);
        }
        catch (StreamException full)
        {
            return Failure.Report(full);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            return Report(file, FileProblem.Of(file, wrong));
        }
        catch (System.Security.Cryptography.CryptographicException wrong)
        {
            return Report(file, wrong.Message);
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
    }

    private static int Report(string file, string message) =>
        Failure.Report(message.StartsWith(file, StringComparison.Ordinal) ? message : $"{file}: {message}", Unreadable);
}
