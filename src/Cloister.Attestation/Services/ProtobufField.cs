namespace Cloister.Attestation.Services;

/// <summary>A field of a message.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Value">Its value, when it is a number.</param>
/// <param name="Bytes">Its value, when it is bytes.</param>
internal readonly record struct ProtobufField(int Number, ulong Value, ReadOnlyMemory<byte>? Bytes);
