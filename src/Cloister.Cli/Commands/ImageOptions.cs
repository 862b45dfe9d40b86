using System.CommandLine;
using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>What the commands on enclave files have in common.</summary>
internal sealed class ImageOptions
{
    public Argument<FileInfo> File { get; } = new("FILE")
    {
        Description = "The enclave file: Intel SDK ELF or PE, Open Enclave, SGXS, Gramine manifest, plain ELF, or a SIGSTRUCT.",
    };

    public Option<bool> Json { get; } = new("--json") { Description = "Print JSON (docs/reference/json.md lists the members)." };

    public Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "Print the one value a script wants and nothing else." };

    public Option<string?> Variant { get; } = new("--metadata")
    {
        HelpName = "VERSION",
        Description = "Which enclave of an Intel SDK file, by metadata version: 1.4, 3.3. By default the newest.",
    };

    public Option<FileInfo?> Sigstruct { get; } = new("--sigstruct")
    {
        HelpName = "FILE",
        Description = "The SIGSTRUCT, when it is in a file of its own. By default the neighbour FILE.sig.",
    };

    public Option<FileInfo?> Libpal { get; } = new("--libpal")
    {
        HelpName = "FILE",
        Description = "Gramine's libpal.so, which is measured together with the manifest.",
    };

    public Option<ulong> Heap { get; } = new("--heap")
    {
        HelpName = "BYTES",
        Description = "Bytes of heap that the loader of a plain ELF file adds.",
    };

    public void AddTo(Command command)
    {
        command.Arguments.Add(File);
        foreach (Option option in new Option[] { Json, Quiet, Variant, Sigstruct, Libpal, Heap })
        {
            command.Options.Add(option);
        }
    }

    public EnclaveImage Open(ParseResult parsed) => Open(parsed, parsed.GetValue(File)!);

    public EnclaveImage Open(ParseResult parsed, FileInfo file) => ImageReader.Open(InputFile.Ordinary(file), new ReadOptions
    {
        SigstructPath = parsed.GetValue(Sigstruct) is { } sigstruct ? InputFile.Ordinary(sigstruct) : null,
        LibpalPath = parsed.GetValue(Libpal) is { } libpal ? InputFile.Ordinary(libpal) : null,
        HeapSize = parsed.GetValue(Heap),
    });

    /// <summary>
    /// The enclave that was asked for; otherwise the one a loader prefers: the newest metadata but 2.x, which loaders pass over.
    /// </summary>
    public EnclaveVariant Choose(ParseResult parsed, EnclaveImage image)
    {
        string? asked = parsed.GetValue(Variant);
        if (asked is null)
        {
            return image.PreferredVariant;
        }

        return image.Variants.FirstOrDefault(variant => variant.Name == asked || variant.Name == $"metadata {asked}")
            ?? throw new ImageException(
                $"no {asked} in the file; it has {string.Join(", ", image.Variants.Select(variant => variant.Name))}");
    }
}
