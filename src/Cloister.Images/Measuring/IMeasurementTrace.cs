using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>Hears each measured operation, in order.</summary>
public interface IMeasurementTrace
{
    /// <summary>ECREATE.</summary>
    /// <param name="size">SECS.SIZE in bytes.</param>
    /// <param name="ssaFrameSize">SECS.SSAFRAMESIZE in pages.</param>
    void Created(ulong size, uint ssaFrameSize);

    /// <summary>EADD of one page.</summary>
    /// <param name="name">What the page is for.</param>
    /// <param name="offset">Bytes from the beginning of the enclave.</param>
    /// <param name="flags">SECINFO.FLAGS.</param>
    void Added(string name, ulong offset, SecinfoFlags flags);

    /// <summary>EEXTEND of one chunk.</summary>
    /// <param name="offset">Bytes from the beginning of the enclave.</param>
    /// <param name="chunk">256 bytes.</param>
    void Extended(ulong offset, ReadOnlySpan<byte> chunk);
}
