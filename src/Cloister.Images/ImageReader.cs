namespace Cloister.Images;

// Finds out what a file is by what is in it; names and endings do not count.
internal static class ImageReader
{
    public static EnclaveImage Read(ByteSource source, ReadOptions options)
    {
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

            throw new ImageException("an ELF file, but no enclave of any known kind: no .note.sgxmeta, no .oeinfo, and its first segment is no TCS");
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
