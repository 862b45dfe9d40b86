namespace Cloister.Engine.Fast;

/// <summary>The view that the threads of one address space have under strict isolation.</summary>
internal sealed class SpaceView
{
    /// <summary>What the host can execute, where its one thread loses it inside; none with more threads.</summary>
    public List<HostCode> Code { get; set; } = [];

    /// <summary>How many threads that was made for.</summary>
    public int Threads { get; set; }

    /// <summary>Whether what is used of it is lost now.</summary>
    public bool HidesUsed { get; set; }

    /// <summary>Whether what is not used of it is lost: it stays so until the host executes it, or the calls change.</summary>
    public bool HidesUnused { get; set; }

    /// <summary>A system call may have changed what there is.</summary>
    public bool IsStale { get; set; } = true;

    /// <summary>A thread stopped while it changed the view.</summary>
    public bool IsUnknown { get; set; }

    /// <summary>Stubs cannot change it.</summary>
    public bool IsRefused { get; set; }

    /// <summary>Stubs may change it now, or have done so.</summary>
    public bool IsPublished { get; set; }

    /// <summary>What of it was not of use for long.</summary>
    public ViewAge Age { get; } = new();

    /// <summary>Another number since the code changed.</summary>
    public int Version { get; set; }

    /// <summary>The code that is used, or the rest.</summary>
    public IEnumerable<HostCode> CodeThat(bool isUsed) => Code.Where(code => code.IsUsed == isUsed);
}
