namespace Cloister.Images;

/// <summary>
/// Lays out an enclave of the Intel SDK for Linux that was never signed, as the SDK's signer does: heap, stacks, threads, the patches,
/// the metadata of each loader. intel/linux-sgx, sdk/sign_tool/SignTool. Signing is <see cref="EnclaveSigner"/>'s.
/// </summary>
public static class IntelSdkLayout
{
    /// <summary>The name of the <see cref="Detail"/> of a file that was laid out here: its value is the SDK's release.</summary>
    public const string DetailName = "laid out as";

    /// <summary>Whether the file is of the SDK for Linux and was never laid out.</summary>
    public static bool IsMissing(EnclaveImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return image.Format == ImageFormat.IntelSdkElf && image.Variants.All(variant => variant.Size == 0);
    }

    /// <summary>
    /// The file with the metadata that its SDK's signer would write, but the signature. Metadata that is there already is written over.
    /// </summary>
    /// <param name="image">A file of the Intel SDK, ELF64, of SDK 2.3 or later.
    /// The result reads from it: it stays open until that is disposed.</param>
    /// <param name="configuration">Heap, stacks, threads and what goes into the SIGSTRUCT.</param>
    /// <param name="release">The SDK's release, "2.4", for files that do not tell: a stripped file of before 2.9.1.</param>
    /// <exception cref="ImageException">It is no such file, or the configuration cannot be used with it.</exception>
    public static EnclaveImage Make(EnclaveImage image, IntelSdkConfiguration configuration, string? release = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(configuration);
        if (image.Format != ImageFormat.IntelSdkElf)
        {
            throw new ImageException(
                $"a file of kind {image.FormatName} is not laid out by a configuration: that is for ELF files of the Intel SDK");
        }

        SdkRelease? told = null;
        if (release is not null && !SdkRelease.TryParse(release, out told))
        {
            throw new ImageException($"'{release}' is no release of the SDK, as 2.4 or 2.9.1 is");
        }

        var elf = new ElfFile(image.Source);
        (long offset, long length) = IntelSdkElfReader.FindMetadata(elf);
        SgxMetadataList.RequireRoom(image.Source, offset, length);
        try
        {
            var parts = new SdkEnclaveParts(elf, told);
            var parameters = new SdkParameters(configuration, parts.Release);
            byte[] versions = new SdkMetadata(parts, parameters).Versions();
            if (versions.Length > length)
            {
                throw new ImageException($"the metadata takes {versions.Length} bytes, and the file has room for {length}", offset);
            }

            byte[] block = new byte[length];
            versions.CopyTo(block, 0);
            return IntelSdkElfReader.Read(new ElfFile(new PatchedByteSource(image.Source, [(offset, block)])), parameters.Signing,
                $"SDK {parts.Release.Number}");
        }
        catch (OverflowException overflow)
        {
            throw new ImageException("a size or place in the file is beyond any address", overflow);
        }
    }
}
