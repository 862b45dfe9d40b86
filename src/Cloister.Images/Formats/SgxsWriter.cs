using System.Buffers.Binary;
using System.Security.Cryptography;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// Writes an SGX stream while an enclave is built: the measured records, and unmeasured ones for what was added without being measured and
/// is not zero. fortanix/rust-sgx, doc/SGXS.md.
/// </summary>
public sealed class SgxsWriter : IDisposable
{
    private readonly Stream _stream;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _page = new byte[LinearAddress.PageSize];
    private readonly byte[] _record = new byte[SgxsRecord.Size + SgxsRecord.ChunkSize];
    private ulong _offset;
    private uint _measured; // chunks of the page that was added last
    private bool _hasPage;

    /// <summary>Begins with ECREATE.</summary>
    /// <param name="stream">Where it goes; it stays the caller's.</param>
    /// <param name="size">SECS.SIZE.</param>
    /// <param name="ssaFrameSize">SECS.SSAFRAMESIZE.</param>
    public SgxsWriter(Stream stream, ulong size, uint ssaFrameSize)
    {
        ArgumentNullException.ThrowIfNull(stream);
        _stream = stream;
        Span<byte> record = Record(SgxsRecord.Ecreate);
        BinaryPrimitives.WriteUInt32LittleEndian(record[8..], ssaFrameSize);
        BinaryPrimitives.WriteUInt64LittleEndian(record[12..], size);
        WriteMeasured(SgxsRecord.Size);
    }

    /// <summary>EADD.</summary>
    /// <param name="offset">Where in the enclave.</param>
    /// <param name="flags">SECINFO.FLAGS as it is measured.</param>
    /// <param name="contents">The page as it lies in the EPC then.</param>
    public void Add(ulong offset, SecinfoFlags flags, ReadOnlySpan<byte> contents)
    {
        EndPage();
        contents[..LinearAddress.PageSize].CopyTo(_page);
        (_offset, _measured, _hasPage) = (offset, 0, true);
        Span<byte> record = Record(SgxsRecord.Eadd);
        BinaryPrimitives.WriteUInt64LittleEndian(record[8..], offset);
        BinaryPrimitives.WriteUInt64LittleEndian(record[16..], (ulong)flags);
        WriteMeasured(SgxsRecord.Size);
    }

    /// <summary>EEXTEND, of a chunk or several that follow each other.</summary>
    /// <param name="offset">Where in the enclave.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>False where the chunk is of another page than was added last, or measured already: a stream cannot say that.</returns>
    public bool Measure(ulong offset, int length)
    {
        for (ulong at = offset; at < offset + (ulong)length; at += SgxsRecord.ChunkSize)
        {
            int chunk = (int)((at - _offset) / SgxsRecord.ChunkSize);
            if (!_hasPage || at - _offset >= LinearAddress.PageSize || (_measured & (1u << chunk)) != 0)
            {
                return false;
            }

            _measured |= 1u << chunk;
            ChunkRecord(SgxsRecord.Eextend, chunk);
            WriteMeasured(SgxsRecord.Size + SgxsRecord.ChunkSize);
        }

        return true;
    }

    /// <summary>The stream is whole.</summary>
    /// <returns>MRENCLAVE of what it says.</returns>
    public byte[] End()
    {
        EndPage();
        return _hash.GetHashAndReset();
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();

    private void EndPage()
    {
        for (int chunk = 0; _hasPage && chunk < SgxsRecord.Chunks; chunk++)
        {
            if ((_measured & (1u << chunk)) == 0 && _page.AsSpan(chunk * SgxsRecord.ChunkSize, SgxsRecord.ChunkSize)
                .ContainsAnyExcept((byte)0))
            {
                ChunkRecord(SgxsRecord.Unmeasured, chunk);
                _stream.Write(_record);
            }
        }

        _hasPage = false;
    }

    private void ChunkRecord(ulong tag, int chunk)
    {
        Span<byte> record = Record(tag);
        BinaryPrimitives.WriteUInt64LittleEndian(record[8..], _offset + (ulong)(chunk * SgxsRecord.ChunkSize));
        _page.AsSpan(chunk * SgxsRecord.ChunkSize, SgxsRecord.ChunkSize).CopyTo(_record.AsSpan(SgxsRecord.Size));
    }

    private Span<byte> Record(ulong tag)
    {
        Span<byte> record = _record.AsSpan(0, SgxsRecord.Size);
        record.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(record, tag);
        return record;
    }

    private void WriteMeasured(int length)
    {
        _hash.AppendData(_record, 0, length);
        _stream.Write(_record, 0, length);
    }
}
