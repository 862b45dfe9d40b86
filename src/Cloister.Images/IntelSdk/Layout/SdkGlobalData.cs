using System.Buffers.Binary;

namespace Cloister.Images;

/// <summary>
/// global_data_t, which the signer writes over the enclave's own g_global_data: what the trusted runtime knows of its enclave.
/// common/inc/internal/global_data.h, common/inc/internal/thread_data.h, psw/urts/parser/update_global_data.hxx.
/// </summary>
internal static class SdkGlobalData
{
    // sizeof(ssa_gpr_t), arch.h. SDM 3D, "GPRSGX Region".
    public const uint SsaGprSize = 184;

    // Words of thread_data_t: the release with AEX-notify put three before this one.
    private const int TlsAddressWord = 10;
    private const int AexNotifyWords = 3;

    public static void Write(Span<byte> to, SdkEnclaveParts parts, SdkParameters parameters, SdkLayoutTable layout, uint ssaFrameSize,
        ReadOnlySpan<byte> tcsTemplate)
    {
        SdkRelease release = parts.Release;
        var words = new WordWriter(to);
        if (release.HasSdkVersion)
        {
            // The signer leaves 0: only before it signs does the field say what built the enclave.
            words.Add(0);
        }

        words.Add(layout.EnclaveSize);
        words.Add(layout.First(LayoutEntry.HeapMin).Offset);
        words.Add(parameters.HeapInitial * SdkLayoutTable.PageSize);
        LayoutEntry? reserved = layout.Find(LayoutEntry.ReservedMin);
        if (release.HasReservedMemory)
        {
            words.Add(reserved?.Offset ?? 0);
            words.Add(reserved is null ? 0 : layout.ReservedInitial * SdkLayoutTable.PageSize);
        }

        if (release.HasReservedExecutable)
        {
            words.Add(reserved is not null && parameters.IsReservedExecutable ? 1u : 0);
        }

        words.Add(parameters.Policy);
        if (release.HasReservedExecutable)
        {
            words.Add(parameters.ThreadsMaximum);
        }

        if (release.HasTcsNumber)
        {
            words.Add(parameters.Threads);
        }

        WriteThread(words.Take(8 * release.ThreadDataWords), parts, parameters, layout, ssaFrameSize);
        tcsTemplate.CopyTo(words.Take(tcsTemplate.Length));
        BinaryPrimitives.WriteUInt32LittleEndian(words.Take(8), (uint)layout.Entries.Count);
        if (layout.Entries.Count > release.LayoutEntries)
        {
            throw new ImageException(
                $"the configuration needs {layout.Entries.Count} layout entries, and SDK {release.Number} has room for {release.LayoutEntries}");
        }

        Span<byte> table = words.Take(release.LayoutEntries * SgxMetadata.LayoutEntrySize);
        for (int i = 0; i < layout.Entries.Count; i++)
        {
            layout.Entries[i].Write(table[(i * SgxMetadata.LayoutEntrySize)..]);
        }

        if (release.HasElrange)
        {
            words.Add(parameters.Elrange?.ImageAddress ?? 0);
            words.Add(parameters.Elrange?.RangeAddress ?? 0);
            words.Add(parameters.Elrange?.RangeSize ?? (release.HasElrangeSizeAlways ? layout.EnclaveSize : 0));
        }

        if (release.HasAexNotify)
        {
            words.Add(layout.Bookkeeping);
        }
    }

    // thread_data_t: offsets relative to the TCS.
    private static void WriteThread(Span<byte> to, SdkEnclaveParts parts, SdkParameters parameters, SdkLayoutTable layout,
        uint ssaFrameSize)
    {
        ulong tcs = layout.First(LayoutEntry.Tcs).Offset;
        LayoutEntry td = layout.First(LayoutEntry.Td);
        ulong stack = layout.First(LayoutEntry.StackMin).Offset + (parameters.StackMinimum * SdkLayoutTable.PageSize) - tcs;
        ulong ssa = layout.First(LayoutEntry.Ssa).Offset - tcs;
        ulong self = td.Offset - tcs + ((td.PageCount - 1) * SdkLayoutTable.PageSize);
        ulong tls = parts.HasTls ? self - parts.TlsSize : td.Offset - tcs;
        int tlsAddress = TlsAddressWord + (parts.Release.HasAexNotify ? AexNotifyWords : 0);
        Put(to, 0, self);
        Put(to, 1, stack);
        Put(to, 2, stack);
        Put(to, 3, stack - (parameters.StackMaximum * SdkLayoutTable.PageSize));
        Put(to, 4, ssa + (ssaFrameSize * SdkLayoutTable.PageSize) - SsaGprSize);
        Put(to, 7, parameters.XsaveSize);
        if (parts.Release.HasAexNotify)
        {
            Put(to, 11, ssa);
        }

        Put(to, tlsAddress, tls);
        Put(to, tlsAddress + 1, self + (ulong)(8 * tlsAddress));
    }

    private static void Put(Span<byte> to, int word, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(to[(8 * word)..], value);

    private ref struct WordWriter(Span<byte> to)
    {
        private Span<byte> rest = to;

        public void Add(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

        public Span<byte> Take(int size)
        {
            Span<byte> part = rest[..size];
            rest = rest[size..];
            return part;
        }
    }
}
