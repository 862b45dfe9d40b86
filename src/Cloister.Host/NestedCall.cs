namespace Cloister.Host;

/// <summary>Makes a call from within an ocall, on the thread that asks.</summary>
internal delegate EnclaveAnswer NestedCall(ulong entry, ReadOnlySpan<byte> input, Span<byte> output);
