using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Cloister.Architecture;
using Cloister.Images;
using Cloister.Images.Tests;
using static Cloister.Host.Tests.Programs.TestCode;

namespace Cloister.Host.Tests.Programs;

/// <summary>The test enclave as a file of each kind that a program without a runtime can load. None is signed.</summary>
internal static class EnclaveFiles
{
    private const ulong PlainData = 4 * Page, IntelData = 6 * Page;
    private static readonly byte[] Code = Padded(Assemble());

    /// <summary>File names by what they are; the ending tells the test program where the data is.</summary>
    public static IReadOnlyDictionary<string, Func<byte[]>> All { get; } = new Dictionary<string, Func<byte[]>>
    {
        ["stream.sgxs"] = Sgxs,
        ["plain.elf"] = PlainElf,
        ["intel.so"] = IntelSdk,
    };

    /// <summary>Where the number is that the enclave adds to.</summary>
    public static ulong DataOf(string path) => Path.GetExtension(path) switch
    {
        ".sgxs" => Data,
        ".elf" => PlainData,
        _ => IntelData,
    };

    /// <summary>An SGX stream. fortanix/rust-sgx, doc/SGXS.md.</summary>
    public static byte[] Sgxs()
    {
        using var stream = new MemoryStream();
        void Record(string tag, ulong first, ulong second, int secondAt)
        {
            byte[] record = new byte[64];
            Encoding.ASCII.GetBytes(tag).CopyTo(record, 0);
            BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(8), first);
            if (secondAt != 0)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(secondAt), second);
            }

            stream.Write(record);
        }

        Record("ECREATE", 1, Size, 12);
        byte[] page = new byte[Page];
        foreach (PageRun run in Builder(1, EntryMethod.Automatic).Runs)
        {
            for (ulong i = 0; i < run.Count; i++)
            {
                ulong at = run.Offset + (i * Page);
                Record("EADD", at, (ulong)run.Flags, 16);
                run.Content.Read(i, page);
                for (int chunk = 0; chunk < (int)Page; chunk += PageRun.ChunkSize)
                {
                    Record("EEXTEND", at + (ulong)chunk, 0, 0);
                    stream.Write(page, chunk, PageRun.ChunkSize);
                }
            }
        }

        return stream.ToArray();
    }

    // As the kernel's self tests load it: the first segment is the TCS. Offsets count from the first segment's address.
    private static byte[] PlainElf()
    {
        const ulong start = Page, code = start + Page, data = start + PlainData;
        byte[] tcs =
            PageOf(new Tcs { Oentry = Page, Ossa = PlainData + Page, Nssa = Frames, Fslimit = uint.MaxValue, Gslimit = uint.MaxValue });
        return new ElfBuilder()
            .Load(start, 6, tcs, Page)
            .Load(code, 5, Code, (ulong)Code.Length)
            .Load(data, 6, new byte[(1 + ThreadPages) * Page], (1 + ThreadPages) * Page)
            .Build();
    }

    // Code and data in the image; TCS, frames and the page behind them from the layout table,
    // the TCS from a template with places relative to it.
    private static byte[] IntelSdk()
    {
        const ulong rw = 0x203, tcsAt = 8 * Page;
        const ushort zeros = 6, threadControl = 4, measured = 3;
        byte[] template = PageOf(new Tcs { Ossa = Page, Nssa = Frames, Fslimit = uint.MaxValue, Gslimit = uint.MaxValue })[..72];
        var metadata = new MetadataBuilder(3, 3, Size);
        uint at = metadata.Data(template);
        metadata.Entry(threadControl, measured, 1, tcsAt, 0x100, (uint)template.Length, at)
            .Entry(zeros, measured, (uint)ThreadPages - 1, tcsAt + Page, rw);
        byte[] content = metadata.Build();
        byte[] note = [.. BitConverter.GetBytes(13), .. BitConverter.GetBytes(content.Length + 64), .. BitConverter.GetBytes(1),
            .. "sgx_metadata\0"u8, .. content, .. new byte[64]];
        var elf = new ElfBuilder();
        elf.Load(0, 5, Code, (ulong)Code.Length).Load(IntelData, 6, new byte[Page], Page);
        elf.Section(".note.sgxmeta", 7, 0, elf.Append(note), (ulong)note.Length);
        return elf.Symbols(("enclave_entry", 0)).Build();
    }

    private static byte[] PageOf(Tcs tcs)
    {
        byte[] page = new byte[Page];
        MemoryMarshal.Write(page, in tcs);
        return page;
    }

    private static byte[] Padded(byte[] bytes)
    {
        Array.Resize(ref bytes, (int)((((ulong)bytes.Length + Page - 1) / Page) * Page));
        return bytes;
    }
}
