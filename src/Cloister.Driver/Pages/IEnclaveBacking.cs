namespace Cloister.Driver.Pages;

/// <summary>
/// Where an enclave's pages wait while they are out of the EPC: written out, or queued by ADD_PAGE. A page is prepared or
/// looked at in the spans of its block, between <see cref="Fetch"/> and <see cref="Commit"/>.
/// </summary>
internal interface IEnclaveBacking
{
    /// <summary>Takes a block.</summary>
    /// <param name="index">Number of the page in the enclave; the SECS comes behind the last.</param>
    /// <returns>A handle, 0 or more.</returns>
    int Rent(ulong index);

    /// <summary>Brings a block's bytes into its spans; false when they cannot be had.</summary>
    bool Fetch(int handle);

    /// <summary>The page, 4096 bytes; until the next block is asked for.</summary>
    Span<byte> Contents(int handle);

    /// <summary>The PCMD, 128 bytes; until the next block is asked for.</summary>
    Span<byte> Pcmd(int handle);

    /// <summary>Keeps what was put into the spans; false when it cannot be kept.</summary>
    bool Commit(int handle);

    /// <summary>ELDU did not take the block.</summary>
    void Spoil(int handle);

    /// <summary>Gives a block back.</summary>
    void Return(int handle);
}
