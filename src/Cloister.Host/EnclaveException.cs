using Cloister.Linux;

namespace Cloister.Host;

/// <summary>Something went wrong with an enclave. The message says what, and what to do.</summary>
public class EnclaveException : Exception
{
    /// <summary>With a message.</summary>
    public EnclaveException(string message)
        : base(message)
    {
    }

    /// <summary>With a message and the cause.</summary>
    public EnclaveException(string message, Exception cause)
        : base(message, cause)
    {
    }
}

/// <summary>This machine has no SGX, or this process may not use it.</summary>
public sealed class SgxUnavailableException(string message, Errno errno) : EnclaveException(message)
{
    /// <summary>What the kernel answered; <see cref="Errno.None"/> when it was not the kernel.</summary>
    public Errno Errno { get; } = errno;
}

/// <summary>The kernel refused an operation.</summary>
public sealed class EnclaveOperationException : EnclaveException
{
    internal EnclaveOperationException(string operation, Errno errno, ulong sgxError = 0, ulong done = 0, string? because = null)
        : base(OperationText.Describe(operation, errno, sgxError, because))
    {
        Operation = operation;
        Errno = errno;
        SgxError = sgxError;
        BytesDone = done;
    }

    /// <summary>The ioctl or system call, in the kernel's words.</summary>
    public string Operation { get; }

    /// <summary>What the kernel answered.</summary>
    public Errno Errno { get; }

    /// <summary>The SGX leaf's error code when it is what went wrong; else 0. SDM 3D, "Error Codes".</summary>
    public ulong SgxError { get; }

    /// <summary>How many bytes the operation was done for before.</summary>
    public ulong BytesDone { get; }
}

/// <summary>An exception ended a call and nobody handled it.</summary>
public sealed class EnclaveFaultException : EnclaveException
{
    internal EnclaveFaultException(EnclaveFault fault, string message)
        : base(message) => Fault = fault;

    /// <summary>The exception.</summary>
    public EnclaveFault Fault { get; }
}

/// <summary>The enclave's memory is gone, as after suspend to RAM: build it anew. SDM 3D, "Power Management".</summary>
/// <remarks>No kernel since 5.11 says so by itself: EENTER and ERESUME fault at the TCS, and EINIT faults. A TCS that was removed looks the same.</remarks>
public sealed class EnclaveLostException(string message) : EnclaveException(message);
