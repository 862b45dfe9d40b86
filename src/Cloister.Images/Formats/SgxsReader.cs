using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// SGX streams: the measured records themselves, and in the enhanced form unmeasured ones. fortanix/rust-sgx, doc/SGXS.md.
/// </summary>
internal static class SgxsReader
{
    private const int RecordSize = 64;
    private const int ChunkSize = PageRun.ChunkSize;
    private const int Chunks = LinearAddress.PageSize / ChunkSize;
    private const int ChunkRecord = RecordSize + ChunkSize;

    // EADD, and an EEXTEND of each chunk in ascending order.
    private const int WholePage = RecordSize + (Chunks * ChunkRecord);
    private const ulong Ecreate = 0x0045544145524345;
    private const ulong Eadd = 0x0000000044444145;
    private const ulong Eextend = 0x00444e4554584545;
    private const ulong Unsized = 0x0044455a49534e55;
    private const ulong Unmeasured = 0x44525341454d4e55;

    public static bool Is(ByteSource source) => source.Length >= 8 && source.Read<ulong>(0) is Ecreate or Unsized;

    public static EnclaveImage Read(ByteSource source, ReadOptions options)
    {
        Span<byte> header = stackalloc byte[RecordSize];
        source.Read(0, header);
        bool sized = BinaryPrimitives.ReadUInt64LittleEndian(header) == Ecreate;
        ulong size = BinaryPrimitives.ReadUInt64LittleEndian(header[12..]);
        if (header[20..].IndexOfAnyExcept((byte)0) >= 0)
        {
            throw new ImageException("the ECREATE record has bytes that must be zero", 20);
        }

        (Sigstruct? sigstruct, string? path) = SigstructFile.Beside(options);
        return new EnclaveImage(source, ImageFormat.Sgxs, sized ? "SGXS" : "SGXS, size not decided")
        {
            Variants =
            [
                new EnclaveVariant
                {
                    Name = "enclave",
                    Sigstruct = sigstruct,
                    SigstructOffset = sigstruct is null ? null : 0,
                    SigstructPath = path,
                    Size = sized ? size : 0,
                    SsaFrameSize = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]),
                    Pages = sized ? new Enumerated(() => Runs(source)) : null,
                    PagesMissing = sized ? null : $"an UNSIZED stream cannot be measured: the size belongs at offset 0x{size:x} of the enclave",
                },
            ],
        };
    }

    // One run for each EADD. Only the records' heads are read here; the content is read when it is asked for.
    private static IEnumerable<PageRun> Runs(ByteSource source)
    {
        byte[] record = new byte[RecordSize];
        var window = new Window(source);
        long at = RecordSize;
        while (at < source.Length)
        {
            // Nearly every page is of this form: one look at it instead of seventeen.
            if (source.Contains(at, WholePage) && IsWholePage(window.At(at), out ulong place, out SecinfoFlags secinfo))
            {
                yield return new PageRun(NameOf(secinfo), place, 1, secinfo, new WholePageContent(window, at));
                at += WholePage;
                continue;
            }

            source.Read(at, record);
            long head = at;
            ulong tag = BinaryPrimitives.ReadUInt64LittleEndian(record);
            if (tag != Eadd)
            {
                throw new ImageException(tag is Ecreate or Unsized ? "a second ECREATE record" : $"no record begins with 0x{tag:x16}", at);
            }

            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(8));
            var flags = (SecinfoFlags)BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(16));
            if (record.AsSpan(24).IndexOfAnyExcept((byte)0) >= 0)
            {
                throw new ImageException("the EADD record has bytes that must be zero", at + 24);
            }

            long[] places = new long[Chunks];
            var measured = new List<byte>(Chunks);
            at = ReadChunks(source, at + RecordSize, offset, record, places, measured);
            yield return new PageRun(NameOf(flags), offset, 1, flags, new ChunkedPageContent(source, places)) { MeasuredChunks = measured.ToArray() };
            if (at == head)
            {
                yield break;
            }
        }
    }

    private static string NameOf(SecinfoFlags flags) => new Secinfo(flags).PageType == PageType.Tcs ? "TCS" : "page";

    private static bool IsWholePage(ReadOnlySpan<byte> bytes, out ulong offset, out SecinfoFlags flags)
    {
        offset = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        flags = (SecinfoFlags)BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Eadd || bytes[24..RecordSize].ContainsAnyExcept((byte)0))
        {
            return false;
        }

        for (int chunk = 0; chunk < Chunks; chunk++)
        {
            ReadOnlySpan<byte> record = bytes.Slice(RecordSize + (chunk * ChunkRecord), RecordSize);
            if (BinaryPrimitives.ReadUInt64LittleEndian(record) != Eextend
                || BinaryPrimitives.ReadUInt64LittleEndian(record[8..]) != unchecked(offset + (ulong)(chunk * ChunkSize))
                || record[16..].ContainsAnyExcept((byte)0))
            {
                return false;
            }
        }

        return offset <= ulong.MaxValue - LinearAddress.PageSize;
    }

    private static long ReadChunks(ByteSource source, long at, ulong page, byte[] record, long[] places, List<byte> measured)
    {
        while (at < source.Length)
        {
            source.Read(at, record);
            ulong tag = BinaryPrimitives.ReadUInt64LittleEndian(record);
            if (tag is not (Eextend or Unmeasured))
            {
                break;
            }

            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(8));
            if (offset % ChunkSize != 0 || offset < page || offset - page >= LinearAddress.PageSize)
            {
                throw new ImageException($"the stream is not canonical: 0x{offset:x} is not in the page 0x{page:x} that was added last", at);
            }

            int chunk = (int)((offset - page) / ChunkSize);
            if (places[chunk] != 0)
            {
                throw new ImageException($"the stream is not canonical: 0x{offset:x} comes twice", at);
            }

            if (!source.Contains(at + RecordSize, ChunkSize))
            {
                throw new ImageException("the file ends in the middle of a chunk", at);
            }

            if (record.AsSpan(16).IndexOfAnyExcept((byte)0) >= 0)
            {
                throw new ImageException("the EEXTEND record has bytes that must be zero", at + 16);
            }

            places[chunk] = at + RecordSize;
            if (tag == Eextend)
            {
                measured.Add((byte)chunk);
            }

            at += RecordSize + ChunkSize;
        }

        return at;
    }

    // The records of one page. Who goes through the pages in order finds there what has just been looked at.
    private sealed class Window(ByteSource source)
    {
        private readonly byte[] bytes = new byte[WholePage];
        private long start = -1;

        public ReadOnlySpan<byte> At(long at)
        {
            if (start != at)
            {
                start = -1;
                source.Read(at, bytes);
                start = at;
            }

            return bytes;
        }
    }

    private sealed class WholePageContent(Window window, long at) : PageContent
    {
        public override void Read(ulong index, Span<byte> page)
        {
            ReadOnlySpan<byte> records = window.At(at)[RecordSize..];
            for (int chunk = 0; chunk < Chunks; chunk++)
            {
                records.Slice((chunk * ChunkRecord) + RecordSize, ChunkSize).CopyTo(page[(chunk * ChunkSize)..]);
            }
        }
    }

    private sealed class ChunkedPageContent(ByteSource source, long[] places) : PageContent
    {
        public override void Read(ulong index, Span<byte> page)
        {
            for (int i = 0; i < places.Length; i++)
            {
                Span<byte> chunk = page.Slice(i * ChunkSize, ChunkSize);
                if (places[i] == 0)
                {
                    chunk.Clear();
                }
                else
                {
                    source.Read(places[i], chunk);
                }
            }
        }
    }
}
