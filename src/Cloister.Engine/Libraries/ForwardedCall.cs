using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Engine.Options;

namespace Cloister.Engine.Libraries;

/// <summary>
/// A call of a function of a <see cref="ServedLibrary"/>, at the end that answers. The caller sends the function's
/// number and its six arguments; then it does what it is told, a command of 24 bytes at a time, and goes on in its program with the last
/// one. <see cref="LibraryImage"/> is the other end.
/// </summary>
public sealed class ForwardedCall
{
    /// <summary>Arguments of a call.</summary>
    public const int ArgumentCount = 6;

    internal const int RequestLength = sizeof(ulong) * (1 + ArgumentCount), CommandLength = sizeof(ulong) * 3;
    internal const int Return = 0, Send = 1, Take = 2, Map = 3, Unmap = 4;

    private readonly Stream _stream;
    private readonly CancellationToken _cancellation;

    private ForwardedCall(Stream stream, CancellationToken cancellation) => (_stream, _cancellation) = (stream, cancellation);

    /// <summary>The function's number: its place in <see cref="ServedLibrary.Functions"/> after
    /// <see cref="ServedLibrary.First"/>.</summary>
    public ulong Function { get; private set; }

    /// <summary>Its arguments.</summary>
    public IReadOnlyList<ulong> Arguments { get; private set; } = [];

    /// <summary>Takes a call.</summary>
    /// <exception cref="EndOfStreamException">The caller is gone.</exception>
    public static async Task<ForwardedCall> Accept(Stream stream, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(stream);
        byte[] request = new byte[RequestLength];
        await stream.ReadExactlyAsync(request, cancellation).ConfigureAwait(false);
        ulong[] values = MemoryMarshal.Cast<byte, ulong>(request).ToArray();
        return new ForwardedCall(stream, cancellation) { Function = values[0], Arguments = values[1..] };
    }

    /// <summary>Reads the caller's memory. Where it has none, the call ends there, and this one by an exception.</summary>
    public async Task<byte[]> Read(ulong address, int length)
    {
        await Command(Send, address, (ulong)length).ConfigureAwait(false);
        byte[] bytes = new byte[length];
        await _stream.ReadExactlyAsync(bytes, _cancellation).ConfigureAwait(false);
        return bytes;
    }

    /// <summary>Writes to the caller's memory.</summary>
    public async Task Write(ulong address, ReadOnlyMemory<byte> bytes)
    {
        await Command(Take, address, (ulong)bytes.Length).ConfigureAwait(false);
        await _stream.WriteAsync(bytes, _cancellation).ConfigureAwait(false);
    }

    /// <summary>Maps memory for the caller.</summary>
    /// <returns>Its address; null when there is none.</returns>
    public async Task<ulong?> Allocate(int length)
    {
        await Command(Map, 0, (ulong)length).ConfigureAwait(false);
        byte[] answer = new byte[sizeof(ulong)];
        await _stream.ReadExactlyAsync(answer, _cancellation).ConfigureAwait(false);
        long address = BinaryPrimitives.ReadInt64LittleEndian(answer);
        return address < 0 ? null : (ulong)address;
    }

    /// <summary>Unmaps the caller's memory.</summary>
    public Task Free(ulong address, ulong length) => Command(Unmap, address, length);

    /// <summary>Ends the call.</summary>
    public Task End(ulong result) => Command(Return, result, 0);

    private async Task Command(ulong kind, ulong address, ulong length)
    {
        byte[] command = new byte[CommandLength];
        BinaryPrimitives.WriteUInt64LittleEndian(command, kind);
        BinaryPrimitives.WriteUInt64LittleEndian(command.AsSpan(8), address);
        BinaryPrimitives.WriteUInt64LittleEndian(command.AsSpan(16), length);
        await _stream.WriteAsync(command, _cancellation).ConfigureAwait(false);
    }
}
