using System.Text.Json;
using Cloister.Images.Tests;

namespace Cloister.Cli.Tests.Harness;

/// <summary>Synthetic enclave files on disk, and the commands on them.</summary>
internal sealed class EnclaveFiles : IDisposable
{
    public const string Intel = "intel-sdk-elf", OpenEnclave = "open-enclave", Sgxs = "sgxs", Gramine = "gramine", PlainElf = "plain-elf",
        Pe = "intel-sdk-pe", Sigstruct = "sigstruct", Einittoken = "einittoken";

    private readonly TemporaryDirectory _directory = new();

    /// <summary>A file of each format, by its name in JSON.</summary>
    public static IReadOnlyDictionary<string, Func<byte[]>> All { get; } = new Dictionary<string, Func<byte[]>>
    {
        [Intel] = OtherFiles.Intel,
        [OpenEnclave] = () => OtherFiles.OpenEnclave(),
        [Sgxs] = OtherFiles.Sgxs,
        [Gramine] = OtherFiles.Gramine,
        [PlainElf] = OtherFiles.PlainElf,
        [Pe] = () => PeEnclave.File(),
        [Sigstruct] = OtherFiles.Sigstruct,
        [Einittoken] = () => new byte[Architecture.Einittoken.SizeInBytes],
    };

    public string Folder => _directory.Path;

    /// <summary>Writes a file and gives back its path.</summary>
    public string Write(string name, byte[] content)
    {
        string path = System.IO.Path.Combine(Folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>A file of a format.</summary>
    public string Of(string format) => Write(format == Gramine ? "file.manifest.sgx" : "file." + format, All[format]());

    /// <summary>The tests' private key as PEM.</summary>
    public string Key() => Write("key.pem", System.Text.Encoding.ASCII.GetBytes(TestKey.Value.ExportRSAPrivateKeyPem()));

    /// <summary>The public half.</summary>
    public string PublicKey() => Write("public.pem", System.Text.Encoding.ASCII.GetBytes(TestKey.Value.ExportSubjectPublicKeyInfoPem()));

    /// <summary>Runs a command that must end with a status and say nothing on the error stream.</summary>
    public static string Run(int status, params string[] arguments)
    {
        CloisterProcess.Outcome outcome = CloisterProcess.Run(arguments);
        Assert.Equal((status, ""), (outcome.Status, outcome.Error));
        return outcome.Output;
    }

    /// <summary>The same with --json.</summary>
    public static JsonElement Json(int status, params string[] arguments)
    {
        using var document = JsonDocument.Parse(Run(status, [.. arguments, "--json"]));
        JsonElement root = document.RootElement.Clone();
        Assert.Equal(1, root.GetProperty("schema").GetInt32());
        return root;
    }

    public void Dispose() => _directory.Dispose();
}
