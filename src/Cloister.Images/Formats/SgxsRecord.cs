using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// The records of SGX streams: 64 bytes, which begin with a tag, and behind some of them a chunk of a page. fortanix/rust-sgx, doc/SGXS.md.
/// </summary>
internal static class SgxsRecord
{
    /// <summary>Bytes of a record without its chunk.</summary>
    public const int Size = 64;

    /// <summary>Bytes of a chunk, as EEXTEND measures them.</summary>
    public const int ChunkSize = PageRun.ChunkSize;

    /// <summary>Chunks of a page.</summary>
    public const int Chunks = LinearAddress.PageSize / ChunkSize;

    /// <summary>Tags of measured records. SDM 3D, "Enclave Identity and Measurement".</summary>
    public const ulong Ecreate = 0x0045544145524345, Eadd = 0x0000000044444145, Eextend = 0x00444e4554584545;

    /// <summary>Tags of records that are not measured: an enclave without a size yet, and a chunk.</summary>
    public const ulong Unsized = 0x0044455a49534e55, Unmeasured = 0x44525341454d4e55;
}
