namespace Cloister.Processor;

/// <summary>How a leaf ended.</summary>
public enum LeafStatus
{
    /// <summary>It did what it is for.</summary>
    Success,

    /// <summary>It left an error code and changed nothing.</summary>
    Error,

    /// <summary>It raised an exception and changed nothing.</summary>
    Fault,
}
