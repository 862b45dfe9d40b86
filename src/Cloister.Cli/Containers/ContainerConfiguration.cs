using System.Text.Json;
using System.Text.Json.Nodes;
using Cloister.Images;

namespace Cloister.Cli.Containers;

/// <summary>The config.json of a bundle, or the process.json of an exec. OCI runtime-spec, config.md.</summary>
internal sealed class ContainerConfiguration
{
    /// <summary>The variable of a container that was given an enclave: it is 1.</summary>
    public const string AllocatedVariable = "CLOISTER_SGX_ENCLAVE";

    private const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private readonly string _path;
    private readonly JsonObject _root;

    private ContainerConfiguration(string path, JsonObject root) => (_path, _root) = (path, root);

    private JsonObject? Process => _root["process"] as JsonObject;

    /// <summary>The container's annotations; null where it has none.</summary>
    public JsonObject? Annotations => _root["annotations"] as JsonObject;

    /// <summary>
    /// Whether the container was allocated an enclave device: the device plugin, or the container device interface, gives it a variable.
    /// </summary>
    public bool IsAllocated => Process?["env"] is JsonArray variables
        && variables.Any(variable => ContainerAnnotations.Text(variable) == AllocatedVariable + "=1");

    /// <summary>Whether the machine stands before the container's program.</summary>
    public bool HasMachine => Process?["args"] is JsonArray { Count: > 0 } words && IsOurs(words[0]);

    /// <summary>Reads a file.</summary>
    /// <exception cref="ContainerException">It cannot be read or is no such file.</exception>
    public static ContainerConfiguration Read(string path)
    {
        byte[] bytes;
        try
        {
            var file = new FileInfo(path);
            _ = InputFile.Ordinary(file);
            bytes = InputFile.Bytes(file);
        }
        catch (ImageException e)
        {
            throw new ContainerException(e.Message, Failure.InputOutput, e);
        }

        try
        {
            return ForeignJson.Parse(bytes, new JsonDocumentOptions { AllowDuplicateProperties = false }) is JsonObject root
                ? new ContainerConfiguration(path, root) : throw new ContainerException($"{path}: no JSON object");
        }
        catch (JsonException e)
        {
            throw new ContainerException(
                $"{path}: {(e.LineNumber is { } line ? $"line {line + 1}: " : "")}not JSON, with a name that is there twice, or with a text that is not Unicode", inner: e);
        }
    }

    /// <summary>Puts the machine before a container's program, and this program's files into the container.</summary>
    /// <param name="files">The files.</param>
    /// <param name="options">Of <c>run</c>.</param>
    /// <exception cref="ContainerException">There is no program in it.</exception>
    public void InstallMachine(ProgramFiles files, IReadOnlyList<string> options)
    {
        PrefixProgram(Member<JsonObject>(_root, "process") ?? throw new ContainerException($"{_path}: there is no process"),
            files, options);
        JsonArray mounts = Member<JsonArray>(_root, "mounts") ?? [];
        foreach (JsonNode mount in mounts.Where(mount => mount is JsonObject one && IsOurs(one["destination"])).ToArray()!)
        {
            mounts.Remove(mount);
        }

        foreach ((string name, string source) in files.Sources)
        {
            mounts.Add((JsonNode)new JsonObject
            {
                ["destination"] = $"{ProgramFiles.Directory}/{name}",
                ["type"] = "bind",
                ["source"] = source,
                ["options"] = new JsonArray("bind", "ro", "nosuid", "nodev"),
            });
        }

        _root["mounts"] ??= mounts;
    }

    /// <summary>Writes an annotation down.</summary>
    /// <exception cref="ContainerException">What is in the place of annotations is none.</exception>
    public void Annotate(string name, string text)
    {
        JsonObject annotations = Member<JsonObject>(_root, "annotations") ?? [];
        annotations[name] = text;
        _root["annotations"] ??= annotations;
    }

    /// <summary>Puts the machine before the program of an exec.</summary>
    /// <param name="files">This program's files in the container.</param>
    /// <param name="options">Of <c>run</c>.</param>
    /// <exception cref="ContainerException">There is no program in it.</exception>
    public void PrefixProgram(ProgramFiles files, IReadOnlyList<string> options) => PrefixProgram(_root, files, options);

    /// <summary>Writes it in its place, whole or not at all: who is killed meanwhile leaves nothing beside it.</summary>
    /// <exception cref="ContainerException">It cannot be written.</exception>
    public void Write()
    {
        try
        {
            UnixFileMode mode = File.GetUnixFileMode(_path) & Everybody;
            using WholeFile whole = WholeFile.Begin(_path, (int)mode);
            using (var writer = new Utf8JsonWriter(whole.Stream))
            {
                _root.WriteTo(writer);
            }

            whole.Keep(replaces: true);
        }
        catch (ImageException e)
        {
            throw new ContainerException($"it cannot be written: {e.Message}", Failure.InputOutput, e);
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            throw new ContainerException($"{_path} cannot be written: {FileProblem.Of(_path, e)}", Failure.InputOutput, e);
        }
    }

    private void PrefixProgram(JsonObject process, ProgramFiles files, IReadOnlyList<string> options)
    {
        JsonArray arguments = Member<JsonArray>(process, "args") ?? [];

        // A bundle may be started again: what stood there before goes.
        if (arguments.Count > 0 && IsOurs(arguments[0]))
        {
            int end = arguments.IndexOf(arguments.FirstOrDefault(argument => ContainerAnnotations.Text(argument) == "--"));
            arguments = new JsonArray([.. arguments.Skip(end + 1).Select(argument => argument?.DeepClone())]);
        }

        if (arguments.Count == 0)
        {
            throw new ContainerException($"{_path}: process.args is empty: there is no program to run");
        }

        process["args"] = new JsonArray([.. files.Start.Append("run").Concat(options).Append("--").Select(word => (JsonNode)word),
            .. arguments.Select(argument => argument?.DeepClone())]);
    }

    private T? Member<T>(JsonObject parent, string name)
        where T : JsonNode
        => parent[name] is not { } node ? null
        : node as T ?? throw new ContainerException($"{_path}: {name} is not what config.md of the OCI runtime specification says it is");

    private static bool IsOurs(JsonNode? path) =>
        ContainerAnnotations.Text(path)?.StartsWith(ProgramFiles.Directory + "/", StringComparison.Ordinal) is true;
}
