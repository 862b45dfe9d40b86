namespace Cloister.Driver;

/// <summary>What an order waits for that is about no call and no page of its own.</summary>
public enum InjectedMoment
{
    /// <summary>A page fault comes to the driver.</summary>
    Fault,

    /// <summary>A program makes an ioctl on a device.</summary>
    Ioctl,

    /// <summary>A thread is about to execute EENTER.</summary>
    Entry,

    /// <summary>Some time has gone since the program's begin.</summary>
    Time,
}
