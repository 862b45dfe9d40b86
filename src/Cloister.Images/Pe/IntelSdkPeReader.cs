using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// Enclaves of the Intel SDK for Windows. Its metadata is in the section sgxmeta and begins like that for Linux, but tells
/// sizes instead of a layout: fortanix/rust-sgx, intel-sgx/sgxs-tools/src/deprecated/isgx-pe2sgx.rs (struct Sgxmeta).
/// What its loader writes into the image is published nowhere, so the pages cannot be measured.
/// </summary>
internal static class IntelSdkPeReader
{
    private const string Section = "sgxmeta";
    private const int MetadataSize = 0x754;
    private const int SigstructOffset = 68;

    public static EnclaveImage Read(PeFile pe)
    {
        PeSection section = pe.Sections.FirstOrDefault(found => found.Name == Section);
        if (section.Name is null)
        {
            throw new ImageException("a PE file, but no enclave: there is no section sgxmeta");
        }

        ByteSource source = pe.Source;
        long at = section.FileOffset;
        byte[] bytes = source.ReadBytes(at, MetadataSize);
        if (MemoryMarshal.Read<ulong>(bytes) != SgxMetadata.Magic)
        {
            throw new ImageException("the section sgxmeta does not begin with the metadata's number", at);
        }

        var words = MemoryMarshal.Cast<byte, uint>(bytes.AsSpan(0, SigstructOffset));
        string version = $"{words[3]}.{words[2]}";
        if (words[4] != MetadataSize)
        {
            throw new ImageException($"metadata {version} of {words[4]} bytes; {MetadataSize} are known for PE files", at);
        }

        Sigstruct sigstruct = MemoryMarshal.Read<Sigstruct>(bytes.AsSpan(SigstructOffset));
        bool isSigned = bytes.AsSpan(SigstructOffset, 16).ContainsAnyExcept((byte)0);
        return new EnclaveImage(source, ImageFormat.IntelSdkPe, pe.Is64 ? "Intel SGX SDK for Windows, PE32+" : "Intel SGX SDK for Windows, PE32")
        {
            Variants =
            [
                new EnclaveVariant
                {
                    Name = $"metadata {version}",
                    Sigstruct = isSigned ? sigstruct : null,
                    SigstructOffset = isSigned ? at + SigstructOffset : null,
                    SigstructPlace = at + SigstructOffset,
                    SsaFrameSize = words[8],
                    Attributes = MemoryMarshal.Read<Attributes>(bytes.AsSpan(52)),
                    PagesMissing = "what the Windows loader writes into a PE image is published nowhere, so it cannot be measured",
                    Details =
                    [
                        new("threads", $"{words[5]}"),
                        new("TCS policy", $"{words[6]}"),
                        new("SSA frames", $"{words[7]} a thread"),
                        new("stack", $"0x{words[9]:x} bytes a thread"),
                        new("heap", $"0x{words[10]:x} bytes"),
                        new("XSAVE buffer", $"{words[11]} bytes"),
                    ],
                },
            ],
            Details = [new("entry", $"0x{pe.Entry:x}"), .. pe.Sections.Select(found => new Detail($"section {found.Name}", $"0x{found.Size:x} bytes at 0x{found.Address:x}, {PageText.Permissions(found.Permissions)}"))],
            Code = pe.Code,
        };
    }
}
