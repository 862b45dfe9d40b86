namespace Cloister.Lab;

/// <summary>What is counted. Leaves count when they were carried out; one that faults is an asynchronous exit.</summary>
public enum MachineEvent
{
    /// <summary>ECREATE.</summary>
    Ecreate,

    /// <summary>EADD: pages added before EINIT.</summary>
    Eadd,

    /// <summary>EEXTEND: 256 bytes measured.</summary>
    Eextend,

    /// <summary>EINIT.</summary>
    Einit,

    /// <summary>EAUG: pages added at run time.</summary>
    Eaug,

    /// <summary>EENTER.</summary>
    Eenter,

    /// <summary>EEXIT.</summary>
    Eexit,

    /// <summary>Asynchronous exits for a page fault.</summary>
    AexPageFault,

    /// <summary>Asynchronous exits for anything else: interrupts and signals.</summary>
    AexOther,

    /// <summary>ERESUME.</summary>
    Eresume,

    /// <summary>EACCEPT.</summary>
    Eaccept,

    /// <summary>EACCEPTCOPY.</summary>
    Eacceptcopy,

    /// <summary>EWB: pages written out, because the EPC was full.</summary>
    Ewb,

    /// <summary>ELDU: pages brought back.</summary>
    Eldu,

    /// <summary>Page faults that the driver handled.</summary>
    PageFault,

    /// <summary>Calls of ioctl on the device.</summary>
    Ioctl,
}

/// <summary>Their names.</summary>
public static class MachineEventNames
{
    /// <summary>The name in tables and in the file of costs.</summary>
    public static string Name(this MachineEvent machineEvent) => machineEvent switch
    {
        MachineEvent.AexPageFault => "AEX (#PF)",
        MachineEvent.AexOther => "AEX (other)",
        MachineEvent.PageFault => "page fault",
        MachineEvent.Ioctl => "ioctl",
        _ => machineEvent.ToString().ToUpperInvariant(),
    };

    /// <summary>The event of a name, or null.</summary>
    public static MachineEvent? Parse(string name)
    {
        foreach (MachineEvent one in Enum.GetValues<MachineEvent>())
        {
            if (one.Name() == name)
            {
                return one;
            }
        }

        return null;
    }
}
