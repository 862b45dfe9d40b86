using System.Security.Cryptography;

namespace Cloister.Processor;

// Hashes at once, where it is called.
internal sealed class MeasurementHash : IMeasurementSink
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public byte[] Append(byte[] records, int length)
    {
        hash.AppendData(records, 0, length);
        return records;
    }

    public void Digest(Span<byte> mrenclave) => hash.GetCurrentHash(mrenclave);

    public void Dispose() => hash.Dispose();
}
