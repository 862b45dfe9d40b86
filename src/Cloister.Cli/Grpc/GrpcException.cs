namespace Cloister.Cli.Grpc;

/// <summary>A call that did not do what it should, and why.</summary>
internal sealed class GrpcException(GrpcCode code, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The kind of reason.</summary>
    public GrpcCode Code { get; } = code;
}
