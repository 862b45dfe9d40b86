using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>
/// MRENCLAVE: SHA-256 over what ECREATE, EADD and EEXTEND did, in their order. SDM 3D, "MRENCLAVE".
/// Records are gathered so that a page costs one call of the hash.
/// </summary>
public sealed class Measurement : IDisposable
{
    /// <summary>Bytes that one EEXTEND measures.</summary>
    public const int ChunkSize = 256;

    private const int RecordSize = 64;
    /// <summary>Bytes of records of one page that is measured whole: what a buffer holds at least.</summary>
    public const int PageRecords = RecordSize + (LinearAddress.PageSize / ChunkSize * (RecordSize + ChunkSize));
    private const ulong EcreateTag = 0x0045544145524345;
    private const ulong EaddTag = 0x0000000044444145;
    private const ulong EextendTag = 0x00444e4554584545;

    private readonly IMeasurementSink sink;
    private byte[] gathered;
    private int length;

    /// <summary>A measurement that hashes where it is called, page by page.</summary>
    public Measurement()
        : this(new MeasurementHash(), PageRecords)
    {
    }

    /// <summary>A measurement whose records go to <paramref name="sink"/>, which it disposes of.</summary>
    /// <param name="sink">Hashes them.</param>
    /// <param name="capacity">Bytes to gather, at least <see cref="PageRecords"/>.</param>
    public Measurement(IMeasurementSink sink, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, PageRecords);
        this.sink = sink;
        gathered = new byte[capacity];
    }

    /// <summary>How often the hash was called, for those who count.</summary>
    public long HashCalls { get; private set; }

    /// <summary>ECREATE's record. SDM 3D, ECREATE; the CET fields are 0 as on a processor without CET.</summary>
    /// <param name="size">Size of the enclave in bytes.</param>
    /// <param name="ssaFrameSize">Size of a state save area frame in pages.</param>
    public void Ecreate(ulong size, uint ssaFrameSize)
    {
        Span<byte> record = stackalloc byte[RecordSize];
        record.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(record, EcreateTag);
        BinaryPrimitives.WriteUInt32LittleEndian(record[8..], ssaFrameSize);
        BinaryPrimitives.WriteUInt64LittleEndian(record[12..], size);
        Append(record);
    }

    /// <summary>EADD's record. SDM 3D, EADD.</summary>
    /// <param name="offset">Offset of the page in the enclave.</param>
    /// <param name="secinfo">As given, with R, W and X cleared for a TCS: the first 48 bytes count.</param>
    public void Eadd(ulong offset, in Secinfo secinfo)
    {
        Span<byte> record = stackalloc byte[RecordSize];
        BinaryPrimitives.WriteUInt64LittleEndian(record, EaddTag);
        BinaryPrimitives.WriteUInt64LittleEndian(record[8..], offset);
        MemoryMarshal.AsBytes(new ReadOnlySpan<Secinfo>(in secinfo))[..48].CopyTo(record[16..]);
        Append(record);
    }

    /// <summary>EEXTEND's records. SDM 3D, EEXTEND.</summary>
    /// <param name="offset">Offset in the enclave of the first chunk.</param>
    /// <param name="chunks">One chunk of 256 bytes, or several that follow each other.</param>
    public void Eextend(ulong offset, ReadOnlySpan<byte> chunks)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(chunks.Length % ChunkSize, 0);
        for (int at = 0; at < chunks.Length; at += ChunkSize)
        {
            // Laid out where it is hashed from: this is done for every byte of an enclave.
            Span<byte> record = Room(RecordSize + ChunkSize);
            record[16..RecordSize].Clear();
            BinaryPrimitives.WriteUInt64LittleEndian(record, EextendTag);
            BinaryPrimitives.WriteUInt64LittleEndian(record[8..], offset + (ulong)at);
            chunks.Slice(at, ChunkSize).CopyTo(record[RecordSize..]);
        }
    }

    /// <summary>MRENCLAVE of what was measured so far, 32 bytes. Measuring may go on.</summary>
    public void Digest(Span<byte> mrenclave)
    {
        Flush();
        sink.Digest(mrenclave);
    }

    /// <inheritdoc/>
    public void Dispose() => sink.Dispose();

    private void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Room(bytes.Length));

    private Span<byte> Room(int bytes)
    {
        if (length + bytes > gathered.Length)
        {
            Flush();
        }

        Span<byte> room = gathered.AsSpan(length, bytes);
        length += bytes;
        return room;
    }

    private void Flush()
    {
        if (length > 0)
        {
            gathered = sink.Append(gathered, length);
            HashCalls++;
            length = 0;
        }
    }
}
