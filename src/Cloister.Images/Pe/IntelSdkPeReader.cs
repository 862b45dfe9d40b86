using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// Enclaves of the Intel SDK for Windows. Its metadata is in the section sgxmeta and begins like that for Linux, but tells
/// sizes instead of a layout: fortanix/rust-sgx, intel-sgx/sgxs-tools/src/deprecated/isgx-pe2sgx.rs (struct Sgxmeta).
/// What its loader adds is <see cref="PeLayout"/>'s.
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
        if (!bytes.AsSpan().ContainsAnyExcept((byte)0))
        {
            return new EnclaveImage(source, ImageFormat.IntelSdkPe, Name(pe))
            {
                Variants = [new EnclaveVariant
                {
                    Name = "unsigned",
                    PagesMissing = "the file was never signed, and the signer of the SDK for Windows decides on heap, stacks and threads: sign it once with that and any key",
                }],
                Details = Details(pe),
                Code = pe.Code,
            };
        }

        if (MemoryMarshal.Read<ulong>(bytes) != SgxMetadata.Magic)
        {
            throw new ImageException("the section sgxmeta does not begin with the metadata's number", at);
        }

        var words = MemoryMarshal.Cast<byte, uint>(bytes.AsSpan(0, SigstructOffset));
        string version = $"{words[3]}.{words[2]}";
        var sizes = new PeSizes(words[5], words[6], words[7], words[9], words[10]);
        bool isKnown = (words[3], words[2], words[8]) is (1, 1 or 2, 1);
        PeLayout? layout = isKnown ? new PeLayout(pe, sizes) : null;
        if (words[4] != MetadataSize)
        {
            throw new ImageException($"metadata {version} of {words[4]} bytes; {MetadataSize} are known for PE files", at);
        }

        Sigstruct sigstruct = MemoryMarshal.Read<Sigstruct>(bytes.AsSpan(SigstructOffset));
        bool isSigned = bytes.AsSpan(SigstructOffset, 16).ContainsAnyExcept((byte)0);
        return new EnclaveImage(source, ImageFormat.IntelSdkPe, Name(pe))
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
                    Signing = new SigningParameters
                    {
                        Attributes = MemoryMarshal.Read<Attributes>(bytes.AsSpan(52)) with { Xfrm = Architecture.Attributes.XfrmLegacy },
                    },
                    Size = layout?.Size ?? 0,
                    Pages = layout is null ? null : new Enumerated(layout.Pages),
                    PagesMissing = isKnown ? null
                        : $"metadata {version} with SSA frames of {words[8]} pages is not known, so it cannot be measured",
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
            Details = Details(pe),
            Code = pe.Code,
        };
    }

    private static string Name(PeFile pe) => pe.Is64 ? "Intel SGX SDK for Windows, PE32+" : "Intel SGX SDK for Windows, PE32";

    private static Detail[] Details(PeFile pe) =>
    [
        new("entry", $"0x{pe.Entry:x}"),
        .. pe.Sections.Select(
            found => new Detail($"section {found.Name}",
                $"0x{found.Size:x} bytes at 0x{found.Address:x}, {PageText.Permissions(found.Permissions)}")),
    ];
}
