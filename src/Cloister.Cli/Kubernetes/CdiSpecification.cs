using System.Text.Json.Nodes;
using Cloister.Cli.Containers;

namespace Cloister.Cli.Kubernetes;

/// <summary>
/// What containers with a device get, as the container device interface has it (cncf-tags/container-device-interface, SPEC.md): a variable,
/// and this program's files below /dev, so that `cloister run` is there also where no runtime class puts it before the program.
/// </summary>
internal static class CdiSpecification
{
    /// <summary>The kind of its devices: vendor and class.</summary>
    public const string Kind = "cloister.dev/sgx";

    /// <summary>The file's name. A vendor's files begin with his name.</summary>
    public const string FileName = "cloister.dev-sgx.json";

    // What is here it had already; newer readers take older files.
    private const string Version = "0.3.0";

    /// <summary>The file's content.</summary>
    /// <param name="resources">One device for each.</param>
    /// <param name="files">This program's; null for none.</param>
    public static string Text(IEnumerable<SgxResource> resources, ProgramFiles? files)
    {
        var root = new JsonObject
        {
            ["cdiVersion"] = Version,
            ["kind"] = Kind,
            ["devices"] = new JsonArray([.. resources.Select(resource => (JsonNode)new JsonObject
            {
                ["name"] = resource.Kind,
                ["containerEdits"] = new JsonObject { ["env"] = new JsonArray($"{resource.Variable}=1") },
            })]),
        };
        if (files is not null)
        {
            root["containerEdits"] = new JsonObject
            {
                ["mounts"] = new JsonArray([.. files.Sources.Select(file => (JsonNode)new JsonObject
                {
                    ["hostPath"] = file.Value,
                    ["containerPath"] = $"{ProgramFiles.Directory}/{file.Key}",
                    ["options"] = new JsonArray("bind", "ro", "nosuid", "nodev"),
                })]),
            };
        }

        return root.ToJsonString() + "\n";
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <returns>The file.</returns>
    /// <exception cref="NodeException">It cannot be written.</exception>
    public static OwnFile Write(string folder, string text)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            _ = Directory.CreateDirectory(folder);
            return OwnFile.Put(path, temporary => File.WriteAllText(temporary, text));
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            throw new NodeException($"{path} cannot be written: {FileProblem.Of(folder, e)}", Failure.InputOutput, e);
        }
    }
}
