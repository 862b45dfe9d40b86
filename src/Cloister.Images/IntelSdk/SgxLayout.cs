using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>The pages of the layout table, in the loader's order. intel/linux-sgx, psw/urts/loader.cpp, build_contexts.</summary>
internal sealed class SgxLayout
{
    private const ulong Page = LinearAddress.PageSize;

    // A thread takes some ten entries; no enclave has a hundred thousand threads.
    private const ulong MaximumUnrolled = 1 << 20;

    private readonly SgxMetadata metadata;
    private readonly LayoutEntry[] entries;

    public SgxLayout(SgxMetadata metadata)
    {
        this.metadata = metadata;
        ReadOnlySpan<byte> table = metadata.Layout.Span;
        entries = new LayoutEntry[table.Length / SgxMetadata.LayoutEntrySize];
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = LayoutEntry.Read(table[(i * SgxMetadata.LayoutEntrySize)..]);
        }

        Validate();
    }

    public IReadOnlyList<LayoutEntry> Entries => entries;

    public IEnumerable<PageRun> Pages()
    {
        foreach ((LayoutEntry entry, ulong step) in Unrolled())
        {
            if (ToRun(entry, entry.Offset + step) is { } run)
            {
                yield return run;
            }
        }
    }

    // A group loads the entries before it again, each time one step further on.
    private IEnumerable<(LayoutEntry Entry, ulong Step)> Unrolled()
    {
        for (int i = 0; i < entries.Length; i++)
        {
            if (!entries[i].IsGroup)
            {
                yield return (entries[i], 0);
                continue;
            }

            ulong step = 0;
            for (uint time = 0; time < entries[i].LoadTimes; time++)
            {
                step += entries[i].LoadStep;
                for (int j = i - entries[i].GroupEntryCount; j < i; j++)
                {
                    yield return (entries[j], step);
                }
            }
        }
    }

    // The same rules as the loader's validate_layout_table, except that it sorts what here is only bounded: that ranges
    // do not overlap shows when the pages are enumerated.
    private void Validate()
    {
        ulong unrolled = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            LayoutEntry entry = entries[i];
            if (entry.IsGroup)
            {
                if (entry.GroupEntryCount > i || Enumerable.Range(i - entry.GroupEntryCount, entry.GroupEntryCount)
                    .Any(j => entries[j].IsGroup))
                {
                    throw Wrong(i, $"a group of {entry.GroupEntryCount} entries that are not there");
                }

                unrolled += (ulong)entry.LoadTimes * entry.GroupEntryCount;
                if (unrolled > MaximumUnrolled)
                {
                    throw Wrong(i, $"{entry.LoadTimes} times {entry.GroupEntryCount} entries are more than any enclave has");
                }

                if (entry.LoadTimes > 0 && (entry.LoadStep < Page || entry.LoadStep > metadata.EnclaveSize / entry.LoadTimes))
                {
                    throw Wrong(i, $"{entry.LoadTimes} steps of 0x{entry.LoadStep:x} bytes leave an enclave of 0x{metadata.EnclaveSize:x}");
                }

                if (entry.LoadTimes > 0)
                {
                    for (int j = i - entry.GroupEntryCount; j < i; j++)
                    {
                        RequireInside(j, entry.LoadTimes * entry.LoadStep);
                    }
                }
            }
            else
            {
                RequireInside(i, 0);
                if (entry.ContentOffset != 0)
                {
                    metadata.Buffer(entry.ContentOffset, entry.ContentSize, $"layout entry {i}");
                }
            }
        }
    }

    private void RequireInside(int index, ulong step)
    {
        LayoutEntry entry = entries[index];
        ulong size = entry.PageCount * Page;
        if (entry.Offset % Page != 0)
        {
            throw Wrong(index, $"offset 0x{entry.Offset:x} is in the middle of a page");
        }

        if (entry.Offset > metadata.EnclaveSize || step > metadata.EnclaveSize - entry.Offset
            || size > metadata.EnclaveSize - entry.Offset - step)
        {
            throw Wrong(index, $"0x{size:x} bytes at 0x{entry.Offset:x} + 0x{step:x} leave an enclave of 0x{metadata.EnclaveSize:x}");
        }
    }

    private ImageException Wrong(int index, string what) => new($"layout entry {index} of {metadata.Name}: {what}", metadata.FileOffset);

    // loader.cpp, build_context.
    private PageRun? ToRun(LayoutEntry entry, ulong offset)
    {
        if (entry.PageCount == 0 || !IsAdded(entry))
        {
            return null;
        }

        string name = entry.NameIn(metadata);
        PageContent content;
        bool measured = (entry.Attributes & LayoutEntry.Eextend) != 0;
        if (entry.ContentOffset != 0)
        {
            ReadOnlyMemory<byte> bytes = metadata.Buffer(entry.ContentOffset, entry.ContentSize, name);
            if (entry.Flags == SecinfoFlags.Tcs)
            {
                content = new RepeatedPageContent(TcsPage(bytes, offset));
            }
            else
            {
                content = new SourcePageContent(ByteSource.FromBytes(bytes), 0, (ulong)bytes.Length, 0);
                measured = true;
            }
        }
        else if (entry.Flags == SecinfoFlags.None)
        {
            return null;
        }
        else
        {
            content = entry.ContentSize == 0 ? PageContent.Zero : new FilledPageContent(entry.ContentSize);
        }

        var run = new PageRun(name, offset, entry.PageCount, entry.Flags, content);
        return measured ? run : run.Unmeasured();
    }

    // The first loaders added content that is no TCS without asking for the attribute.
    private bool IsAdded(LayoutEntry entry)
        => (entry.Attributes & LayoutEntry.Eadd) != 0
            || (metadata is { Major: 1, Minor: <= 3 } && entry.ContentOffset != 0 && entry.Flags != SecinfoFlags.Tcs);

    private ReadOnlyMemory<byte> TcsPage(ReadOnlyMemory<byte> template, ulong offset)
    {
        if (template.Length is < 72 or > LinearAddress.PageSize)
        {
            throw new ImageException($"a TCS template of {metadata.Name} has {template.Length} bytes", metadata.FileOffset);
        }

        byte[] page = template.ToArray();
        foreach (int field in (ReadOnlySpan<int>)[16, 48, 56])
        {
            Span<byte> value = page.AsSpan(field, 8);
            BinaryPrimitives.WriteUInt64LittleEndian(value, BinaryPrimitives.ReadUInt64LittleEndian(value) + offset);
        }

        return page;
    }
}
