using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>A logical processor as one thread of a program sees it: its registers, and the enclave it is in.</summary>
public sealed class LogicalProcessor
{
    // "Active" in TCS.STATE. The manual names the states and not their values.
    internal const ulong TcsActive = 1;

    /// <summary>The general registers.</summary>
    public Registers Registers { get; } = new();

    /// <summary>CR_ENCLAVE_MODE: whether the thread is inside.</summary>
    public bool EnclaveMode { get; private set; }

    /// <summary>CR_ACTIVE_SECS: the page of the enclave's SECS when inside.</summary>
    public EpcPage Secs { get; private set; } = EpcPage.None;

    /// <summary>CR_TCS_PA: the page of the TCS when inside.</summary>
    public EpcPage TcsPage { get; private set; } = EpcPage.None;

    /// <summary>CR_TCS_LA: where the TCS is when inside.</summary>
    public LinearAddress Tcs { get; private set; }

    /// <summary>TCS.AEP: where an asynchronous exit goes.</summary>
    public LinearAddress Aep { get; private set; }

    /// <summary>CR_ELRANGE: where the enclave begins.</summary>
    public LinearAddress EnclaveBase { get; private set; }

    /// <summary>CR_ELRANGE: the size of the enclave in bytes.</summary>
    public ulong EnclaveSize { get; private set; }

    /// <summary>The host's FS base, which an exit restores.</summary>
    public ulong SavedFsBase { get; private set; }

    /// <summary>The host's GS base, which an exit restores.</summary>
    public ulong SavedGsBase { get; private set; }

    /// <summary>CR_DBGOPTIN: whether the thread may be single-stepped inside.</summary>
    public bool DebugOptIn { get; private set; }

    /// <summary>CR_SAVE_TF: the host's RFLAGS.TF, which an exit restores after an opt-out entry.</summary>
    internal bool SavedTrapFlag { get; private set; }

    /// <summary>The enclave's epoch when the thread entered.</summary>
    internal uint EntryEpoch { get; private set; }

    /// <summary>SECS.EID of the enclave that the thread is in, or was in last; 0 for none.</summary>
    public ulong Eid { get; private set; }

    /// <summary>Where ERESUME goes on that follows the last asynchronous exit: RIP in the state save area.</summary>
    public LinearAddress ExitedAt { get; internal set; }

    /// <summary>The pages of the current state save area frame.</summary>
    internal FramePages Frame { get; } = new();

    /// <summary>Whether an address is in the range of the enclave that the thread is in.</summary>
    public bool InElrange(LinearAddress address) => EnclaveMode && address - EnclaveBase < EnclaveSize;

    /// <summary>The thread entered in the process itself, by a fast path; the model follows.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="tcs">The page of the TCS, which must be free.</param>
    /// <param name="tcsAddress">Where it is.</param>
    /// <param name="aep">Where an asynchronous exit goes.</param>
    /// <param name="hostFsBase">The FS base that an exit restores.</param>
    /// <param name="hostGsBase">The GS base that an exit restores.</param>
    public void NoteEntered(SgxMachine machine, EpcPage tcs, LinearAddress tcsAddress, LinearAddress aep, ulong hostFsBase,
        ulong hostGsBase)
    {
        ArgumentNullException.ThrowIfNull(machine);
        if (EnclaveMode || machine.Epcm[tcs] is not { Valid: true, PageType: PageType.Tcs })
        {
            throw new InvalidOperationException("A thread can only enter from outside, on a valid TCS.");
        }

        (Registers.FsBase, Registers.GsBase) = (hostFsBase, hostGsBase);
        EpcPage secs = machine.Epcm[tcs].EnclaveSecs;
        ref Tcs control = ref machine.TcsOf(tcs);
        Enter(machine.EnclaveOf(secs), (tcs, secs), machine.SecsOf(secs), ref control, tcsAddress, aep);
        (Registers.FsBase, Registers.GsBase) = (control.Ofsbase + EnclaveBase.Value, control.Ogsbase + EnclaveBase.Value);
    }

    /// <summary>The thread left by a fast path; the model follows.</summary>
    public void NoteExited(SgxMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        Leave(machine);
    }

    /// <summary>What EENTER and ERESUME do to enclave mode: the host's FS and GS bases and TF are saved.</summary>
    internal void Enter(EnclaveRecord enclave, (EpcPage Tcs, EpcPage Secs) pages, in Secs secs, ref Tcs tcs, LinearAddress tcsAddress,
        LinearAddress aep)
    {
        EnclaveMode = true;
        EnclaveBase = new LinearAddress(secs.BaseAddr);
        EnclaveSize = secs.Size;
        (TcsPage, Secs) = pages;
        (Tcs, Aep) = (tcsAddress, aep);
        (SavedFsBase, SavedGsBase) = (Registers.FsBase, Registers.GsBase);

        tcs.State = TcsActive;
        tcs.Aep = aep.Value;
        DebugOptIn = tcs.Flags.HasFlag(TcsFlags.Dbgoptin);
        SavedTrapFlag = (Registers.Rflags & Registers.TrapFlag) != 0;
        if (!DebugOptIn)
        {
            // SDM 3D, "Opt-out entry": TF is saved and cleared.
            Registers.Rflags &= ~Registers.TrapFlag;
        }

        Eid = enclave.Eid;
        EntryEpoch = enclave.Epoch;
        enclave.Inside.Add(this);
    }

    /// <summary>What EEXIT and an asynchronous exit do to enclave mode: the host's FS and GS bases and TF come back.</summary>
    internal void Leave(SgxMachine machine)
    {
        if (!EnclaveMode)
        {
            throw new InvalidOperationException("The thread is not inside.");
        }

        (Registers.FsBase, Registers.GsBase) = (SavedFsBase, SavedGsBase);
        if (!DebugOptIn)
        {
            Registers.Rflags = (Registers.Rflags & ~Registers.TrapFlag) | (SavedTrapFlag ? Registers.TrapFlag : 0);
        }

        machine.TcsOf(TcsPage).State = 0;
        machine.EnclaveOf(Secs).Inside.Remove(this);
        EnclaveMode = false;
        (Secs, TcsPage) = (EpcPage.None, EpcPage.None);
        Frame.Forget();
    }
}
