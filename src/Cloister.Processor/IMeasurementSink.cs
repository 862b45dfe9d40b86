namespace Cloister.Processor;

/// <summary>Hashes the records of a measurement: in place, or for those who measure much on another thread.</summary>
public interface IMeasurementSink : IDisposable
{
    /// <summary>Takes records and gives a buffer of the same length for the next ones: the same buffer when it is done with it.</summary>
    /// <param name="records">A whole buffer.</param>
    /// <param name="length">How many bytes of it count.</param>
    byte[] Append(byte[] records, int length);

    /// <summary>SHA-256 of all that was appended, 32 bytes. More may be appended.</summary>
    void Digest(Span<byte> mrenclave);
}
