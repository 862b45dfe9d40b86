using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Linux;

namespace Cloister.Cli.Containers;

/// <summary>The OCI runtime that makes the containers: runc, crun, or what is named.</summary>
/// <param name="Path">Its file.</param>
internal sealed record LowerRuntime(string Path)
{
    /// <summary>The variable that names it.</summary>
    public const string Variable = "CLOISTER_OCI_RUNTIME";

    private static readonly string[] s_known = ["runc", "crun"];

    /// <summary>Finds it.</summary>
    /// <param name="named">What the command line names; null for nothing.</param>
    /// <exception cref="ContainerException">There is none.</exception>
    public static LowerRuntime Find(string? named)
    {
        string? wanted = named ?? (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text ? text : null);
        string? path = (wanted is null ? s_known : [wanted]).Select(ProgramPath.Find).FirstOrDefault(found => found is not null);
        if (path is null || (wanted is not null && !FileStatus.MayExecute(path)))
        {
            throw new ContainerException(wanted is null
                ? $"neither {string.Join(" nor ", s_known)} is in PATH; install one, or name another runtime by {Variable}"
                : $"{wanted}: no such OCI runtime", Failure.NotFound);
        }

        return Environment.ProcessPath is { } own && FileIdentity.TryGet(own, out FileIdentity self)
            && FileIdentity.TryGet(path, out FileIdentity lower) && lower == self
            ? throw new ContainerException($"{path} is this program itself; {Variable} names the runtime behind it")
            : new LowerRuntime(path);
    }

    /// <summary>Becomes it.</summary>
    /// <param name="arguments">The words behind its name.</param>
    /// <param name="environment">envp.</param>
    /// <exception cref="ContainerException">It cannot be executed.</exception>
    public void Become(IEnumerable<byte[]> arguments, IReadOnlyList<byte[]> environment)
    {
        Errno error = ProgramReplacement.Execute(Path, [Encoding.UTF8.GetBytes(Path), .. arguments], environment);
        throw new ContainerException($"{Path} cannot be executed: {error}", Failure.NotRunnable);
    }

    /// <summary>The folder in which it keeps a container: below --root, and else where runc(8) and crun(1) have it for root.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="container">The container's name.</param>
    public string StateOf(RuntimeArguments arguments, string container) =>
        System.IO.Path.GetFullPath(
            System.IO.Path.Combine(arguments.Options.GetValueOrDefault("root") ?? $"/run/{System.IO.Path.GetFileName(Path)}", container));

    /// <summary>What it says of a container that it knows; null where it says nothing.</summary>
    /// <param name="before">The options before the command.</param>
    /// <param name="container">Its name.</param>
    public JsonObject? State(IEnumerable<string> before, string container)
    {
        // runc(8) state; runtime.md of the specification, state.
        using Process process = Process.Start(new ProcessStartInfo(Path, [.. before, "state", container])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        Task<string> said = process.StandardError.ReadToEndAsync(); // what is wrong it says once more, when it executes
        string output = process.StandardOutput.ReadToEnd();
        _ = said.Result;
        process.WaitForExit();
        try
        {
            return process.ExitCode == 0 && ForeignJson.Parse(output) is JsonObject state ? state : null;
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }
}
