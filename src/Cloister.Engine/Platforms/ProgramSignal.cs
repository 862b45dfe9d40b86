using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>A signal as the kernel would raise it for an exception, with what the handler finds in its ucontext.</summary>
/// <param name="Number">Signal number.</param>
/// <param name="Information">siginfo.</param>
/// <param name="Trap">gregs[REG_TRAPNO].</param>
/// <param name="ErrorCode">gregs[REG_ERR].</param>
/// <param name="FaultAddress">gregs[REG_CR2], or null to leave it.</param>
internal readonly record struct ProgramSignal(int Number, SignalInformation Information, ulong Trap, ulong ErrorCode, ulong? FaultAddress);
