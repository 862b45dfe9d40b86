using Cloister.Attestation.Libraries;
using Cloister.Engine.Libraries;

namespace Cloister.Cli.Platforms;

/// <summary>The memory of a program that called a function of a library that Cloister made.</summary>
internal sealed class CallerMemory(ForwardedCall call) : ICallerMemory
{
    /// <inheritdoc/>
    public Task<byte[]> Read(ulong address, int length) => call.Read(address, length);

    /// <inheritdoc/>
    public Task Write(ulong address, ReadOnlyMemory<byte> bytes) => call.Write(address, bytes);

    /// <inheritdoc/>
    public Task<ulong?> Allocate(int length) => call.Allocate(length);

    /// <inheritdoc/>
    public Task Free(ulong address, ulong length) => call.Free(address, length);
}
