using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>A logical processor as one thread of a program sees it: its registers, and the enclave it is in.</summary>
public sealed class LogicalProcessor
{
    /// <summary>The general registers.</summary>
    public Registers Registers { get; } = new();

    /// <summary>CR_ENCLAVE_MODE: whether the thread is inside.</summary>
    public bool EnclaveMode { get; internal set; }

    /// <summary>CR_ACTIVE_SECS: the page of the enclave's SECS when inside.</summary>
    public EpcPage Secs { get; internal set; } = EpcPage.None;

    /// <summary>CR_TCS_PA: the page of the TCS when inside.</summary>
    public EpcPage TcsPage { get; internal set; } = EpcPage.None;

    /// <summary>CR_TCS_LA: where the TCS is when inside.</summary>
    public LinearAddress Tcs { get; internal set; }

    /// <summary>TCS.AEP: where an asynchronous exit goes.</summary>
    public LinearAddress Aep { get; internal set; }

    /// <summary>CR_ELRANGE: where the enclave begins.</summary>
    public LinearAddress EnclaveBase { get; internal set; }

    /// <summary>CR_ELRANGE: the size of the enclave in bytes.</summary>
    public ulong EnclaveSize { get; internal set; }

    /// <summary>The host's FS base, which an exit restores.</summary>
    public ulong SavedFsBase { get; internal set; }

    /// <summary>The host's GS base, which an exit restores.</summary>
    public ulong SavedGsBase { get; internal set; }

    /// <summary>CR_SAVE_TF: the host's RFLAGS.TF, which an exit restores.</summary>
    internal bool SavedTrapFlag { get; set; }

    /// <summary>The enclave's epoch when the thread entered.</summary>
    internal uint EntryEpoch { get; set; }

    /// <summary>Whether an address is in the range of the enclave that the thread is in.</summary>
    public bool InElrange(LinearAddress address) => EnclaveMode && address - EnclaveBase < EnclaveSize;

    /// <summary>The enclave's thread entered in the process itself, by a fast path; the model follows.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="tcs">The page of the TCS, which must be free.</param>
    /// <param name="tcsAddress">Where it is.</param>
    /// <param name="aep">Where an asynchronous exit goes.</param>
    /// <param name="hostFsBase">The FS base that an exit restores.</param>
    /// <param name="hostGsBase">The GS base that an exit restores.</param>
    public void NoteEntered(SgxMachine machine, EpcPage tcs, LinearAddress tcsAddress, LinearAddress aep, ulong hostFsBase, ulong hostGsBase)
        => throw new NotImplementedException();

    /// <summary>The thread left by a fast path; the model follows.</summary>
    public void NoteExited(SgxMachine machine) => throw new NotImplementedException();
}
