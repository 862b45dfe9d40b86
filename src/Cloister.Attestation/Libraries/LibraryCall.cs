using System.Runtime.InteropServices;

namespace Cloister.Attestation.Libraries;

/// <summary>A call of a function: its arguments, the caller's memory, and who answers.</summary>
/// <param name="Memory">The caller's memory.</param>
/// <param name="Arguments">Its arguments, as their registers have them: of a narrower one the upper bits say nothing.</param>
/// <param name="Services">Who answers.</param>
public sealed record LibraryCall(ICallerMemory Memory, IReadOnlyList<ulong> Arguments, LibraryServices Services)
{
    internal ulong Pointer(int index) => Arguments[index];

    internal uint UInt32(int index) => (uint)Arguments[index];

    internal ushort UInt16(int index) => (ushort)Arguments[index];

    internal Task<byte[]> Read(int index, int length) => Memory.Read(Arguments[index], length);

    internal Task Write<T>(int index, in T value)
        where T : struct => Memory.Write(Arguments[index], MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray());

    internal Task Write(int index, ReadOnlyMemory<byte> bytes) => Memory.Write(Arguments[index], bytes);
}
