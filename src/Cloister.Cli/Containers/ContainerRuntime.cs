using System.Text;
using System.Text.Json.Nodes;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Cli.Containers;

/// <summary>An OCI runtime that stands in front of another: it changes what the container's program is, and hands over.</summary>
internal static class ContainerRuntime
{
    /// <summary>The name under which the program is this.</summary>
    public const string Name = "cloister-oci";

    private const string Named = "--runtime", Allocated = "--allocated";

    /// <summary>The words of a runtime's command line, as bytes; null where this process was called as something else.</summary>
    /// <param name="arguments">This process's arguments.</param>
    public static IReadOnlyList<byte[]>? Words(IReadOnlyList<string> arguments)
    {
        bool asCommand = arguments is ["oci", not ("--help" or "-h"), ..];
        if (HostFile.TryRead("/proc/self/cmdline") is not { } text || !(asCommand || IsCalled(text)))
        {
            return null;
        }

        List<byte[]> all = ProgramInvocation.Strings("/proc/self/cmdline");
        return all.GetRange(all.Count - arguments.Count + (asCommand ? 1 : 0), arguments.Count - (asCommand ? 1 : 0));
    }

    private static bool IsCalled(ReadOnlySpan<byte> commandLine) =>
        Path.GetFileName(Encoding.UTF8.GetString(ProcText.Take(ref commandLine, 0))) == Name;

    /// <summary>Does what a runtime's command line says.</summary>
    /// <param name="words">The words behind the name, as bytes.</param>
    /// <returns>The exit status, where it did not become the other runtime.</returns>
    public static int Execute(IReadOnlyList<byte[]> words)
    {
        RuntimeArguments? arguments = null;
        try
        {
            string? named = TakeOptions(ref words, out bool onlyAllocated);
            string[] texts = [.. words.Select(Encoding.UTF8.GetString)];
            arguments = RuntimeArguments.Read(texts);
            var lower = LowerRuntime.Find(named);
            IReadOnlyList<byte[]> changed = arguments.Command switch
            {
                "create" or "run" => Create(lower, arguments, words, onlyAllocated),
                "exec" => Exec(lower, arguments, words, texts),
                "delete" => Delete(lower, arguments, words),
                _ => words,
            };
            lower.Become(changed, ProgramInvocation.Strings("/proc/self/environ"));
            return Failure.Internal;
        }
        catch (ContainerException e)
        {
            RuntimeLog.Write(arguments ?? new RuntimeArguments(), $"cloister: {e.Message}");
            return Failure.Report($"oci: {e.Message}", e.Status);
        }
    }

    private static IReadOnlyList<byte[]> Create(LowerRuntime lower, RuntimeArguments arguments, IReadOnlyList<byte[]> words,
        bool onlyAllocated)
    {
        string? bundle = arguments.Option("bundle", "b");
        string path = Path.Combine(bundle ?? ".", arguments.Option("config", "f") ?? "config.json");
        if (bundle is null && !File.Exists(path))
        {
            throw new ContainerException(
                $"there is no {Path.GetFileName(path)} in this folder; --bundle names the folder of a container that has one",
                Failure.NotFound);
        }

        var configuration = ContainerConfiguration.Read(path);
        if (!ContainerAnnotations.IsSandbox(configuration.Annotations) && (configuration.IsAllocated || !onlyAllocated))
        {
            // As Intel's webhook does where there is one.
            if (configuration.IsAllocated && configuration.Annotations?.ContainsKey(ContainerAnnotations.PodEpc) is not true
                && PodName.Of(configuration.Annotations) is { } name && PodEpc.OfThisNode.Ask(name) is { } asked)
            {
                configuration.Annotate(ContainerAnnotations.PodEpc, asked.ToString(System.Globalization.CultureInfo.InvariantCulture));
            }

            configuration.InstallMachine(ProgramFiles.OfThisProcess(),
                ContainerMachine.OfProgram(configuration.Annotations, arguments.Container));
            if (ContainerAnnotations.EpcOfPod(configuration.Annotations) is { } epc
                && (ContainerAnnotations.Pod(configuration.Annotations) ?? arguments.Container) is { } pod)
            {
                EpcLedger.OfThisNode.Hold(lower.StateOf(arguments, pod), epc);
            }

            configuration.Write();
        }

        return words;
    }

    private static IReadOnlyList<byte[]> Delete(LowerRuntime lower, RuntimeArguments arguments, IReadOnlyList<byte[]> words)
    {
        if (arguments.Container is { } container)
        {
            EpcLedger.OfThisNode.Release(lower.StateOf(arguments, container));
        }

        return words;
    }

    private static IReadOnlyList<byte[]> Exec(LowerRuntime lower, RuntimeArguments arguments, IReadOnlyList<byte[]> words, string[] texts)
    {
        if (arguments.Container is not { } container || lower.State(texts[..arguments.CommandAt], container) is not { } state
            || !HasMachine(state))
        {
            return words; // the other runtime says what is wrong
        }

        IReadOnlyList<string> options = ContainerMachine.OfExec(state["annotations"] as JsonObject, container);
        var files = ProgramFiles.OfThisProcess();
        if (arguments.Option("process", "p") is { } process)
        {
            var configuration = ContainerConfiguration.Read(process);
            configuration.PrefixProgram(files, options);
            configuration.Write();
            return words;
        }

        IEnumerable<byte[]> start = files.Start.Append("run").Concat(options).Append("--").Select(Encoding.UTF8.GetBytes);
        return [.. words.Take(arguments.ProgramAt), .. arguments.ProgramAt < words.Count ? start : [], .. words.Skip(arguments.ProgramAt)];
    }

    // As its bundle says, which the runtime keeps the name of; with another file in its place (crun's --config) every container has it.
    private static bool HasMachine(JsonObject state) =>
        ContainerAnnotations.Text(state["bundle"]) is { } bundle && Path.Combine(bundle, "config.json") is var path && File.Exists(path)
            ? ContainerConfiguration.Read(path).HasMachine
            : !ContainerAnnotations.IsSandbox(state["annotations"] as JsonObject);

    // Ours, before the other runtime's options: --allocated, --runtime PATH, --runtime=PATH.
    private static string? TakeOptions(ref IReadOnlyList<byte[]> words, out bool onlyAllocated)
    {
        string? runtime = null;
        for (onlyAllocated = false; words.Count > 0;)
        {
            string first = Encoding.UTF8.GetString(words[0]);
            if (first == Named)
            {
                runtime = words.Count > 1 ? Encoding.UTF8.GetString(words[1]) : throw new ContainerException($"{Named} needs a value");
                words = [.. words.Skip(2)];
                continue;
            }

            if (first == Allocated)
            {
                onlyAllocated = true;
            }
            else if (first.StartsWith(Named + "=", StringComparison.Ordinal))
            {
                runtime = first[(Named.Length + 1)..];
            }
            else
            {
                break;
            }

            words = [.. words.Skip(1)];
        }

        return runtime;
    }
}
