using Cloister.Architecture;

namespace Cloister.Engine.Observers;

/// <summary>An exception that the kernel does not resolve and that the program gets.</summary>
/// <param name="Vector">Which.</param>
/// <param name="ErrorCode">Its error code.</param>
/// <param name="Address">For #PF the address as the system is told it: inside an enclave without the offset in the page.</param>
/// <param name="Way">How it comes to the program.</param>
/// <param name="Signal">The signal that it is; 0 where it is none.</param>
public readonly record struct RaisedException(ExceptionVector Vector, uint ErrorCode, LinearAddress Address, ExceptionWay Way, int Signal);
