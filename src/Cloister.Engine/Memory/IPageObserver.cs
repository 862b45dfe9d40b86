namespace Cloister.Engine.Memory;

/// <summary>Hears what becomes of the pages of device files, where books of rooms above depend on it.</summary>
internal interface IPageObserver
{
    /// <summary>An enclave's page has got its content.</summary>
    /// <param name="file">The enclave's file.</param>
    /// <param name="address">Its linear address.</param>
    void Filled(EnclaveFile file, ulong address)
    {
    }

    /// <summary>A page is not what it was: its EPCM entry has lost something, or it is gone.</summary>
    /// <param name="file">The enclave's file.</param>
    /// <param name="offset">Its offset in the enclave.</param>
    void Changed(EnclaveFile file, ulong offset)
    {
    }

    /// <summary>A file is about to go: nothing refers to it any more.</summary>
    void Releasing(EnclaveFile file)
    {
    }
}
