using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>SIGSTRUCTs in files of their own. SDM 3D, "ENCLAVE SIGNATURE STRUCTURE (SIGSTRUCT)".</summary>
internal static class SigstructFile
{
    public static bool Is(ByteSource source) => source.Length == Sigstruct.SizeInBytes && HasHeader(source);

    public static EnclaveImage Read(ByteSource source) => new(source, ImageFormat.Sigstruct, "bare SIGSTRUCT")
    {
        Variants =
        [
            new EnclaveVariant
            {
                Name = "enclave",
                Sigstruct = source.Read<Sigstruct>(0),
                SigstructOffset = 0,
                PagesMissing = "a SIGSTRUCT alone does not hold the enclave's pages",
            },
        ],
    };

    /// <summary>The SIGSTRUCT that was named, or the one that lies beside the file.</summary>
    public static (Sigstruct? Sigstruct, string? Path) Beside(ReadOptions options)
    {
        if (options.SigstructPath is { } named)
        {
            return (ReadFile(named), named);
        }

        if (options.Path is null)
        {
            return (null, null);
        }

        foreach (string path in new[] { Path.ChangeExtension(options.Path, ".sig"), options.Path + ".sig", options.Path + ".sigstruct" })
        {
            if (path != options.Path && File.Exists(path) && new FileInfo(path).Length == Sigstruct.SizeInBytes)
            {
                return (ReadFile(path), path);
            }
        }

        return (null, null);
    }

    private static Sigstruct ReadFile(string path)
    {
        using ByteSource source = ByteSource.OpenFile(path);
        return source.Length == Sigstruct.SizeInBytes
            ? source.Read<Sigstruct>(0)
            : throw new ImageException($"{path} has {source.Length} bytes and a SIGSTRUCT has {Sigstruct.SizeInBytes}");
    }

    // The length alone decides only when the constant part of the header is there too, or nearly: a damaged header is reported
    // by the checks and not as an unknown file.
    private static bool HasHeader(ByteSource source)
    {
        Span<byte> header = stackalloc byte[40];
        source.Read(0, header);
        int same = 0;
        for (int i = 0; i < 16; i++)
        {
            same += (header[i] == Sigstruct.ExpectedHeader[i] ? 1 : 0) + (header[24 + i] == Sigstruct.ExpectedHeader2[i] ? 1 : 0);
        }

        return same >= 24;
    }
}
