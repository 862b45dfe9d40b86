namespace Cloister.Engine.Platforms;

/// <summary>Where the threads of a memory stop before they execute, four places at most.</summary>
internal interface IBreakpoints
{
    /// <summary>Changes when they do.</summary>
    int Version { get; }

    /// <summary>The addresses, in order.</summary>
    IEnumerable<ulong> Addresses { get; }

    /// <summary>Whether there is one at an address.</summary>
    bool Contains(ulong address);

    /// <summary>None can be had: there are none any more.</summary>
    void Refuse();
}
