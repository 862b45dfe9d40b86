namespace Cloister.Cli.Grpc;

/// <summary>How a call ended. gRPC, doc/statuscodes.md.</summary>
internal enum GrpcCode
{
    /// <summary>As it should.</summary>
    Ok = 0,

    /// <summary>The caller took it back.</summary>
    Cancelled = 1,

    /// <summary>By an error that is not told.</summary>
    Unknown = 2,

    /// <summary>The request is wrong, whatever the state of the one who is asked.</summary>
    InvalidArgument = 3,

    /// <summary>What it names is not there.</summary>
    NotFound = 5,

    /// <summary>More than there is.</summary>
    ResourceExhausted = 8,

    /// <summary>There is no such method, or it does not do that.</summary>
    Unimplemented = 12,

    /// <summary>By a defect of the one who was asked.</summary>
    Internal = 13,

    /// <summary>Nobody is there to be asked.</summary>
    Unavailable = 14,
}
