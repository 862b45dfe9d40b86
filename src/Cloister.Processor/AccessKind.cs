namespace Cloister.Processor;

/// <summary>What an access does.</summary>
public enum AccessKind
{
    /// <summary>A data read.</summary>
    Read,

    /// <summary>A data write.</summary>
    Write,

    /// <summary>An instruction fetch.</summary>
    Execute,
}
