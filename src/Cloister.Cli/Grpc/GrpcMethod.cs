namespace Cloister.Cli.Grpc;

/// <summary>Answers a request with one message, or with several as they come.</summary>
/// <param name="request">The message.</param>
/// <param name="cancellation">When nobody listens any more.</param>
/// <exception cref="GrpcException">Why there is no answer.</exception>
internal delegate IAsyncEnumerable<byte[]> GrpcMethod(ReadOnlyMemory<byte> request, CancellationToken cancellation);
