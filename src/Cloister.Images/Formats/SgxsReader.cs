using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// SGX streams: the measured records themselves, and in the enhanced form unmeasured ones. fortanix/rust-sgx, doc/SGXS.md.
/// </summary>
internal static class SgxsReader
{
    private const int ChunkRecord = SgxsRecord.Size + SgxsRecord.ChunkSize;

    // EADD, and an EEXTEND of each chunk in ascending order.
    private const int WholePage = SgxsRecord.Size + (SgxsRecord.Chunks * ChunkRecord);

    public static bool Is(ByteSource source) => source.Length >= 8 && source.Read<ulong>(0) is SgxsRecord.Ecreate or SgxsRecord.Unsized;

    public static EnclaveImage Read(ByteSource source, ReadOptions options)
    {
        Span<byte> header = stackalloc byte[SgxsRecord.Size];
        source.Read(0, header);
        bool sized = BinaryPrimitives.ReadUInt64LittleEndian(header) == SgxsRecord.Ecreate;
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
                    PagesMissing = sized ? null
                        : $"an UNSIZED stream cannot be measured: the size belongs at offset 0x{size:x} of the enclave",
                },
            ],
        };
    }

    // One run for each EADD. Only the records' heads are read here; the content is read when it is asked for.
    private static IEnumerable<PageRun> Runs(ByteSource source)
    {
        byte[] record = new byte[SgxsRecord.Size];
        var window = new Window(source);
        long at = SgxsRecord.Size;
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
            if (tag != SgxsRecord.Eadd)
            {
                throw new ImageException(tag is SgxsRecord.Ecreate or SgxsRecord.Unsized ? "a second ECREATE record"
                    : $"no record begins with 0x{tag:x16}", at);
            }

            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(8));
            var flags = (SecinfoFlags)BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(16));
            if (record.AsSpan(24).IndexOfAnyExcept((byte)0) >= 0)
            {
                throw new ImageException("the EADD record has bytes that must be zero", at + 24);
            }

            long[] places = new long[SgxsRecord.Chunks];
            var measured = new List<byte>(SgxsRecord.Chunks);
            at = ReadChunks(source, at + SgxsRecord.Size, offset, record, places, measured);
            yield return new PageRun(NameOf(flags), offset, 1, flags, new ChunkedPageContent(source, places))
            {
                MeasuredChunks = measured.ToArray(),
            };
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
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes) != SgxsRecord.Eadd || bytes[24..SgxsRecord.Size].ContainsAnyExcept((byte)0))
        {
            return false;
        }

        for (int chunk = 0; chunk < SgxsRecord.Chunks; chunk++)
        {
            ReadOnlySpan<byte> record = bytes.Slice(SgxsRecord.Size + (chunk * ChunkRecord), SgxsRecord.Size);
            if (BinaryPrimitives.ReadUInt64LittleEndian(record) != SgxsRecord.Eextend
                || BinaryPrimitives.ReadUInt64LittleEndian(record[8..]) != unchecked(offset + (ulong)(chunk * SgxsRecord.ChunkSize))
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
            if (tag is not (SgxsRecord.Eextend or SgxsRecord.Unmeasured))
            {
                break;
            }

            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(8));
            if (offset % SgxsRecord.ChunkSize != 0 || offset < page || offset - page >= LinearAddress.PageSize)
            {
                throw new ImageException(
                    $"the stream is not canonical: 0x{offset:x} is not in the page 0x{page:x} that was added last", at);
            }

            int chunk = (int)((offset - page) / SgxsRecord.ChunkSize);
            if (places[chunk] != 0)
            {
                throw new ImageException($"the stream is not canonical: 0x{offset:x} comes twice", at);
            }

            if (!source.Contains(at + SgxsRecord.Size, SgxsRecord.ChunkSize))
            {
                throw new ImageException("the file ends in the middle of a chunk", at);
            }

            if (record.AsSpan(16).IndexOfAnyExcept((byte)0) >= 0)
            {
                throw new ImageException("the EEXTEND record has bytes that must be zero", at + 16);
            }

            places[chunk] = at + SgxsRecord.Size;
            if (tag == SgxsRecord.Eextend)
            {
                measured.Add((byte)chunk);
            }

            at += SgxsRecord.Size + SgxsRecord.ChunkSize;
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
            ReadOnlySpan<byte> records = window.At(at)[SgxsRecord.Size..];
            for (int chunk = 0; chunk < SgxsRecord.Chunks; chunk++)
            {
                records.Slice((chunk * ChunkRecord) + SgxsRecord.Size, SgxsRecord.ChunkSize).CopyTo(page[(chunk * SgxsRecord.ChunkSize)..]);
            }
        }
    }

    private sealed class ChunkedPageContent(ByteSource source, long[] places) : PageContent
    {
        public override void Read(ulong index, Span<byte> page)
        {
            for (int i = 0; i < places.Length; i++)
            {
                Span<byte> chunk = page.Slice(i * SgxsRecord.ChunkSize, SgxsRecord.ChunkSize);
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
