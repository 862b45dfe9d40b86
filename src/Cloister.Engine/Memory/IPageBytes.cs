namespace Cloister.Engine.Memory;

/// <summary>The bytes of an enclave's pages.</summary>
internal interface IPageBytes
{
    /// <summary>Linear address of the enclave's first byte.</summary>
    ulong Base { get; }

    /// <summary>The 4096 bytes of the page at an offset in the enclave.</summary>
    Span<byte> Bytes(ulong offset);
}
