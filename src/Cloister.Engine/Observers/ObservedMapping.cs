using Cloister.Driver;

namespace Cloister.Engine.Observers;

/// <summary>A mapping of the device in a process.</summary>
/// <param name="Start">First byte.</param>
/// <param name="End">Behind the last byte.</param>
/// <param name="Protection">PROT_ bits, as the program asked for them.</param>
/// <param name="Enclave">The enclave that is mapped; null for a virtual EPC.</param>
public sealed record ObservedMapping(ulong Start, ulong End, int Protection, IOpenEnclave? Enclave);
