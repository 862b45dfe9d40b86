namespace Cloister.Processor;

/// <summary>
/// What the processor keeps of an enclave beside the architectural fields of its SECS: children, tracking and the hash
/// while it is being built. Hardware keeps it in the SECS page, in a place it does not tell.
/// </summary>
internal sealed class EnclaveRecord
{
    /// <summary>SECS.EID: tells enclaves apart for as long as the machine runs.</summary>
    public required ulong Eid { get; init; }

    /// <summary>The hash; null once EINIT succeeded.</summary>
    public Measurement? Measurement { get; set; }

    /// <summary>How many EPC pages the enclave has, without the SECS.</summary>
    public int ChildCount { get; set; }

    /// <summary>Grows by 1 with each ETRACK. It begins at 1, so that epoch 0 is before everything.</summary>
    public uint Epoch { get; private set; } = 1;

    /// <summary>The processors that are inside.</summary>
    public List<LogicalProcessor> Inside { get; } = [];

    /// <summary>Begins a new epoch. SDM 3D, ETRACK: not while a processor is inside that entered in an earlier one.</summary>
    public bool Track()
    {
        foreach (LogicalProcessor processor in Inside)
        {
            if (processor.EntryEpoch != Epoch)
            {
                return false;
            }
        }

        Epoch++;
        return true;
    }

    /// <summary>
    /// Whether no processor can still have an old translation of a page that changed in an epoch: ETRACK came since,
    /// and every processor that was inside then has left. SDM 3D, "Tracking".
    /// </summary>
    public bool IsTracked(uint changedInEpoch)
    {
        if (Epoch <= changedInEpoch)
        {
            return false;
        }

        foreach (LogicalProcessor processor in Inside)
        {
            if (processor.EntryEpoch <= changedInEpoch)
            {
                return false;
            }
        }

        return true;
    }
}
