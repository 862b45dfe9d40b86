using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>Asynchronous enclave exit. SDM 3D, "Enclave Exiting Events".</summary>
public static class Aex
{
    /// <summary>Takes an asynchronous exit: the thread's state goes to its state save area and RIP to the AEP.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="processor">A processor inside an enclave.</param>
    /// <param name="memory">Its address space.</param>
    /// <param name="extendedState">Its extended state.</param>
    /// <param name="vector">The exception, or null for an interrupt.</param>
    /// <param name="errorCode">The exception's error code.</param>
    /// <param name="address">For #PF the address.</param>
    public static void Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState, ExceptionVector? vector, uint errorCode, LinearAddress address)
        => throw new NotImplementedException();
}
