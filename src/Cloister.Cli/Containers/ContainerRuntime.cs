using System.Text;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Cli.Containers;

/// <summary>An OCI runtime that stands in front of another: it changes what the container's program is, and hands over.</summary>
internal static class ContainerRuntime
{
    /// <summary>The name under which the program is this.</summary>
    public const string Name = "cloister-oci";

    private const string Named = "--runtime";

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

    private static bool IsCalled(ReadOnlySpan<byte> commandLine) => Path.GetFileName(Encoding.UTF8.GetString(ProcText.Take(ref commandLine, 0))) == Name;

    /// <summary>Does what a runtime's command line says.</summary>
    /// <param name="words">The words behind the name, as bytes.</param>
    /// <returns>The exit status, where it did not become the other runtime.</returns>
    public static int Execute(IReadOnlyList<byte[]> words)
    {
        RuntimeArguments? arguments = null;
        try
        {
            string? named = TakeRuntime(ref words);
            string[] texts = [.. words.Select(Encoding.UTF8.GetString)];
            arguments = RuntimeArguments.Read(texts);
            var lower = LowerRuntime.Find(named);
            IReadOnlyList<byte[]> changed = arguments.Command switch
            {
                "create" or "run" => Create(arguments, words),
                "exec" => Exec(lower, arguments, words, texts),
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

    private static IReadOnlyList<byte[]> Create(RuntimeArguments arguments, IReadOnlyList<byte[]> words)
    {
        string bundle = arguments.Option("bundle", "b") ?? ".";
        var configuration = ContainerConfiguration.Read(Path.Combine(bundle, arguments.Option("config", "f") ?? "config.json"));
        if (!ContainerAnnotations.IsSandbox(configuration.Annotations))
        {
            configuration.InstallMachine(ProgramFiles.OfThisProcess(), ContainerAnnotations.Options(configuration.Annotations));
            configuration.Write();
        }

        return words;
    }

    private static IReadOnlyList<byte[]> Exec(LowerRuntime lower, RuntimeArguments arguments, IReadOnlyList<byte[]> words, string[] texts)
    {
        if (arguments.Container is not { } container || lower.AnnotationsOf(texts[..arguments.CommandAt], container) is not { } annotations || ContainerAnnotations.IsSandbox(annotations))
        {
            return words; // the other runtime says what is wrong
        }

        IReadOnlyList<string> options = ContainerAnnotations.Options(annotations);
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

    // Ours, before the other runtime's options: --runtime PATH, --runtime=PATH.
    private static string? TakeRuntime(ref IReadOnlyList<byte[]> words)
    {
        string first = words.Count == 0 ? "" : Encoding.UTF8.GetString(words[0]);
        if (first == Named)
        {
            string value = words.Count > 1 ? Encoding.UTF8.GetString(words[1]) : throw new ContainerException($"{Named} needs a value");
            words = [.. words.Skip(2)];
            return value;
        }

        if (first.StartsWith(Named + "=", StringComparison.Ordinal))
        {
            words = [.. words.Skip(1)];
            return first[(Named.Length + 1)..];
        }

        return null;
    }
}
