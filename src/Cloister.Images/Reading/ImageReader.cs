namespace Cloister.Images;

/// <summary>Opens enclave files. What a file is, is found by what is in it; names and endings do not count.</summary>
public static class ImageReader
{
    /// <summary>Opens a file of any known kind.</summary>
    /// <exception cref="IOException">It cannot be opened or read.</exception>
    /// <exception cref="ImageException">It is of no known kind, or not whole.</exception>
    public static EnclaveImage Open(string path) => Open(path, new ReadOptions());

    /// <summary>Opens a file of any known kind.</summary>
    /// <exception cref="IOException">It cannot be opened or read.</exception>
    /// <exception cref="ImageException">It is of no known kind, or not whole.</exception>
    public static EnclaveImage Open(string path, ReadOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ByteSource source = ByteSource.OpenFile(path);
        try
        {
            return Read(source, options with { Path = path });
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Reads a file of any known kind. The image owns <paramref name="source"/>.</summary>
    /// <exception cref="ImageException">It is of no known kind, or not whole.</exception>
    public static EnclaveImage Read(ByteSource source) => Read(source, new ReadOptions());

    /// <summary>Reads a file of any known kind. The image owns <paramref name="source"/>.</summary>
    /// <exception cref="ImageException">It is of no known kind, or not whole.</exception>
    public static EnclaveImage Read(ByteSource source, ReadOptions options)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            return ReadCore(source, options);
        }
        catch (OverflowException overflow)
        {
            throw new ImageException("a size or place in the file is beyond any address", overflow);
        }
    }

    private static EnclaveImage ReadCore(ByteSource source, ReadOptions options)
    {
        if (source.Length == 0)
        {
            throw new ImageException("the file is empty");
        }

        if (ElfFile.Is(source))
        {
            var elf = new ElfFile(source);
            if (IntelSdkElfReader.Is(elf))
            {
                return IntelSdkElfReader.Read(elf);
            }

            if (OpenEnclaveReader.Is(elf))
            {
                return OpenEnclaveReader.Read(elf);
            }

            if (PlainElfReader.Is(elf))
            {
                return PlainElfReader.Read(elf, options);
            }

            throw new ImageException(
                "an ELF file, but no enclave of any known kind: no .note.sgxmeta, no .oeinfo, and its first segment is no TCS");
        }

        if (PeFile.Is(source))
        {
            return IntelSdkPeReader.Read(new PeFile(source));
        }

        if (SgxsReader.Is(source))
        {
            return SgxsReader.Read(source, options);
        }

        if (SigstructFile.Is(source))
        {
            return SigstructFile.Read(source);
        }

        if (EinittokenFile.Is(source))
        {
            return EinittokenFile.Read(source);
        }

        return GramineReader.TryRead(source, options) ?? throw new ImageException("no enclave file of any known kind");
    }
}
