using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>Enclaves of the Open Enclave SDK: ELF64 with .oeinfo. openenclave/openenclave, host/sgx/loadelf.c.</summary>
internal static class OpenEnclaveReader
{
    private const string Section = ".oeinfo";
    private const ulong DynamicNeeded = 1;

    public static bool Is(ElfFile elf) => elf is { Is64: true, Machine: ElfFile.MachineX8664 } && elf.FindSection(Section) is not null;

    public static EnclaveImage Read(ElfFile elf)
    {
        ElfSection oeinfo = elf.FindSection(Section) ?? throw new ImageException($"no section {Section}");
        var properties = new OpenEnclaveProperties(elf.Source, oeinfo.FileOffset);
        bool hasModule = elf.Dynamic().Any(entry => entry.Tag == DynamicNeeded);
        OpenEnclaveLayout? layout = hasModule ? null : new OpenEnclaveLayout(elf, properties, oeinfo);
        return new EnclaveImage(elf.Source, ImageFormat.OpenEnclave, "Open Enclave, ELF64")
        {
            Variants =
            [
                new EnclaveVariant
                {
                    Name = "enclave",
                    Sigstruct = properties.IsSigned ? properties.Sigstruct : null,
                    SigstructOffset = properties.IsSigned ? properties.FileOffset + OpenEnclaveProperties.SigstructOffset : null,
                    SigstructPlace = properties.FileOffset + OpenEnclaveProperties.SigstructOffset,
                    Signing = Signing(properties),
                    Size = layout?.Size ?? 0,
                    SsaFrameSize = 1,
                    Attributes = new Attributes(properties.Attributes, properties.Xfrm),
                    Pages = layout is null ? null : new Enumerated(layout.Pages),
                    PagesMissing = hasModule ? "the enclave needs another module beside it, which is measured too and is not read" : null,
                    Details = Details(properties, layout),
                },
            ],
            Details = [new("entry", $"0x{elf.Entry:x}"),
                new(Section, $"file offset 0x{oeinfo.FileOffset:x}, address 0x{oeinfo.Address:x}")],
            Code = ElfCode.Ranges(elf),
            Imports = ElfSymbolNames.Read(elf).Imports,
        };
    }

    // host/sgx/sgxsign.c, _init_sigstruct: DEBUG is left open when the file allows it, KSS is enforced when it is asked for.
    private static SigningParameters Signing(OpenEnclaveProperties properties)
    {
        const AttributeFlags notEnforced = AttributeFlags.Mode64Bit | AttributeFlags.Kss;
        bool kss = (properties.Attributes & AttributeFlags.Kss) != 0;
        AttributeFlags mask = ~notEnforced & ~(properties.Attributes & AttributeFlags.Debug);
        return new SigningParameters
        {
            Isvprodid = properties.ProductId,
            Isvsvn = properties.SecurityVersion,
            Isvfamilyid = kss ? properties.FamilyId : default,
            Isvextprodid = kss ? properties.ExtendedProductId : default,
            Attributes = new Attributes(properties.Attributes, Attributes.XfrmLegacy),
            Attributemask = new Attributes(kss ? mask | AttributeFlags.Kss : mask, ~0xe4UL),
            Miscmask = properties.CapturesFaults ? ~Miscselect.Exinfo : (Miscselect)uint.MaxValue,
        };
    }

    private static List<Detail> Details(OpenEnclaveProperties properties, OpenEnclaveLayout? layout)
    {
        var details = new List<Detail>
        {
            new("product id", $"{properties.ProductId}"),
            new("security version", $"{properties.SecurityVersion}"),
            new("heap", $"{properties.HeapPages} pages"),
            new("stack", $"{properties.StackPages} pages a thread"),
            new("threads", $"{properties.TcsCount}"),
            new("captures page faults", properties.CapturesFaults ? "yes" : "no"),
        };
        if (layout is not null)
        {
            details.Add(new("thread-local data", layout.ThreadData));
            details.Add(new("loaded size", $"0x{layout.LoadedSize:x} bytes"));
        }

        if (properties.IsZeroBase)
        {
            details.Add(new("zero base", $"the image begins at 0x{properties.StartAddress:x}"));
        }

        return details;
    }
}
