using System.Text;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// Gramine: a manifest for SGX, its SIGSTRUCT and token beside it, and libpal.so, which is part of every enclave.
/// gramineproject/gramine, python/graminelibos/sgx_sign.py.
/// </summary>
internal static class GramineReader
{
    private const string Ending = ".manifest.sgx";
    private const int MaximumLength = 64 << 20;
    private const int Sample = 4096;

    public static EnclaveImage? TryRead(ByteSource source, ReadOptions options)
    {
        if (source.Length > MaximumLength || !IsText(source))
        {
            return null;
        }

        TomlScalars toml;
        try
        {
            toml = TomlScalars.Parse(Encoding.UTF8.GetString(source.ReadBytes(0, (int)source.Length)));
        }
        catch (ImageException) when (options.Path?.EndsWith(Ending, StringComparison.Ordinal) != true)
        {
            // Some other text: it is for the caller to say that nothing knows it.
            return null;
        }

        return GramineManifest.Is(toml) ? Read(source, new GramineManifest(toml), options) : null;
    }

    private static EnclaveImage Read(ByteSource source, GramineManifest manifest, ReadOptions options)
    {
        string? stem = options.Path is { } path && path.EndsWith(Ending, StringComparison.Ordinal) ? path[..^Ending.Length] : null;
        ReadOptions beside = options with
        {
            SigstructPath = options.SigstructPath ?? (stem is not null && File.Exists($"{stem}.sig") ? $"{stem}.sig" : null),
            Path = stem,
        };
        (Sigstruct? sigstruct, string? sigstructPath) = SigstructFile.Beside(beside);
        GramineLayout? layout = options.LibpalPath is null ? null : new GramineLayout(manifest, source, ReadLibpal(options.LibpalPath));
        return new EnclaveImage(source, ImageFormat.Gramine, "Gramine manifest")
        {
            Variants =
            [
                new EnclaveVariant
                {
                    Name = "enclave",
                    Sigstruct = sigstruct,
                    SigstructOffset = sigstruct is null ? null : 0,
                    SigstructPath = sigstructPath,
                    Signing = manifest.Signing,
                    Size = manifest.EnclaveSize,
                    SsaFrameSize = 4,
                    Attributes = manifest.Signing.Attributes,
                    Pages = layout is null ? null : new Enumerated(layout.Pages),
                    PagesMissing = layout is null
                        ? "Gramine measures its libpal.so too, which the manifest does not name; give it (--libpal)" : null,
                    Details = Details(manifest, stem),
                    Notes = manifest.IsEdmm ? [] : ["the whole heap is writable and executable"],
                },
            ],
        };
    }

    // It is small, and read whole: its file is not kept open.
    private static ElfFile ReadLibpal(string path)
    {
        using ByteSource file = ByteSource.OpenFile(path);
        return file.Length <= MaximumLength
            ? new ElfFile(ByteSource.FromBytes(file.ReadBytes(0, (int)file.Length)))
            : throw new ImageException($"{path} is too large for a libpal.so");
    }

    private static List<Detail> Details(GramineManifest manifest, string? stem)
    {
        var details = new List<Detail>
        {
            new("threads", $"{manifest.Threads}"),
            new("EDMM", manifest.IsEdmm ? "on: the heap is added at run time" : "off"),
        };
        string token = $"{stem}.token";
        if (stem is not null && File.Exists(token) && new FileInfo(token).Length == Einittoken.SizeInBytes)
        {
            using ByteSource source = ByteSource.OpenFile(token);
            details.Add(new("token", $"{token}, VALID {source.Read<uint>(0)}"));
        }

        return details;
    }

    private static bool IsText(ByteSource source)
    {
        byte[] sample = source.ReadBytes(0, (int)Math.Min(Sample, source.Length));
        return sample.AsSpan().IndexOfAny((byte)0, (byte)1, (byte)2) < 0;
    }
}
