namespace Cloister.Images;

/// <summary>What ELF and PE files of the Intel SDK have in common: metadata, ELRANGE, layout behind the sections.</summary>
internal static class SgxVariant
{
    public static EnclaveVariant Create(SgxMetadata metadata, SgxLayout layout, Func<IEnumerable<PageRun>> sections,
        SigningParameters? signing = null)
    {
        ulong size = metadata.EnclaveSize;
        ulong shift = 0;
        if (metadata.Elrange is { } range)
        {
            if (range.ImageAddress < range.RangeAddress || range.ImageAddress - range.RangeAddress > range.RangeSize
                || size > range.RangeSize - (range.ImageAddress - range.RangeAddress))
            {
                throw new ImageException($"the image of {metadata.Name} is not inside its ELRANGE", metadata.FileOffset);
            }

            shift = range.ImageAddress - range.RangeAddress;
            size = range.RangeSize;
        }

        return new EnclaveVariant
        {
            Name = metadata.Name,
            Version = metadata.Version,
            IsPassedOver = metadata.BaseMajor == 2,
            Sigstruct = metadata.Sigstruct,
            SigstructOffset = metadata.Sigstruct is null ? null : metadata.FileOffset + SgxMetadata.SigstructOffset,

            // manage_metadata.cpp, fill_enclave_css and modify_metadata:
            // the metadata's XFRM has every bit that is not enforced, the SIGSTRUCT's x87 and SSE.
            Signing = signing ?? new SigningParameters
            {
                Attributes = metadata.Attributes with { Xfrm = Architecture.Attributes.XfrmLegacy },
                Miscselect = metadata.DesiredMiscselect,
            },
            SigstructPlace = metadata.FileOffset + SgxMetadata.SigstructOffset,
            Size = size,
            SsaFrameSize = metadata.SsaFrameSize,
            Attributes = metadata.Attributes,
            Pages = new Enumerated(
                () => sections().Concat(layout.Pages()).Select(run => shift == 0 ? run : run with { Offset = run.Offset + shift })),
            Details = Details(metadata, layout),
        };
    }

    private static List<Detail> Details(SgxMetadata metadata, SgxLayout layout)
    {
        var details = new List<Detail>
        {
            new("metadata version", $"{metadata.Major}.{metadata.Minor}"),
            new("TCS policy", metadata.TcsPolicy == 0 ? "bound" : "unbound"),
            new("XSAVE buffer", $"{metadata.MaximumSaveBufferSize} bytes"),
            new("desired MISCSELECT", $"0x{(uint)metadata.DesiredMiscselect:x}"),
        };
        if (metadata.Elrange is { } range)
        {
            details.Add(new("ELRANGE", $"0x{range.RangeSize:x} bytes from 0x{range.RangeAddress:x}, image at 0x{range.ImageAddress:x}"));
        }

        foreach ((long offset, ReadOnlyMemory<byte> bytes) in metadata.Patches().Take(64))
        {
            details.Add(new("patch", $"{bytes.Length} bytes at file offset 0x{offset:x}"));
        }

        foreach (LayoutEntry entry in layout.Entries.Take(256))
        {
            details.Add(entry.IsGroup
                ? new(entry.NameIn(metadata),
                    $"the {entry.GroupEntryCount} entries before, {entry.LoadTimes} times, each 0x{entry.LoadStep:x} further on")
                : new(entry.NameIn(metadata), $"{entry.PageCount} pages at 0x{entry.Offset:x}{Attributes(entry)}"));
        }

        return details;
    }

    private static string Attributes(LayoutEntry entry)
    {
        string text = "";
        foreach ((ushort bit, string word) in new (ushort, string)[]
        {
            (LayoutEntry.Eadd, "EADD"), (LayoutEntry.Eextend, "EEXTEND"), (LayoutEntry.Eremove, "EREMOVE"),
            (LayoutEntry.PostAdd, "added later"), (LayoutEntry.PostRemove, "removed later"),
        })
        {
            text += (entry.Attributes & bit) != 0 ? $", {word}" : "";
        }

        return text.Length == 0 ? ", a gap" : text;
    }
}
