using Cloister.Linux;

namespace Cloister.Engine.Memory;

/// <summary>The host has no memory left for the bytes of an enclave; what was begun for a program is dropped, and the
/// program ends.</summary>
internal sealed class NoMemoryException(string call, Errno errno) : Exception($"{call}: {errno}");
