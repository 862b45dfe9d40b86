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

    /// <summary>EENTER itself was refused: nothing ran inside.</summary>
    internal bool EntryRefused { get; init; }
}

/// <summary>No thread of the enclave is free for a call, and none came free in the time given.</summary>
public sealed class EnclaveBusyException(string message) : EnclaveException(message);

/// <summary>A call was cancelled while a thread was inside, and the thread was driven out by an asynchronous exit.</summary>
/// <remarks>
/// The enclave lives on and its other threads go on. The thread's TCS keeps what was interrupted in a frame of its state save area:
/// <see cref="EnclaveThread.Resume()"/> goes on with it, and until that has come to an EEXIT no call is given this thread. Whether the
/// enclave's data is whole is another matter: it was stopped anywhere,
/// and a lock that it held stays held. Who cannot resume it builds the enclave anew.
/// </remarks>
public sealed class EnclaveCallCanceledException : OperationCanceledException
{
    internal EnclaveCallCanceledException(EnclaveThread thread, CancellationToken token)
        : base($"the call was cancelled, and its thread driven out of the enclave: the TCS at 0x{thread.Offset:x} keeps what was interrupted; {nameof(EnclaveThread)}.{nameof(EnclaveThread.Resume)} goes on with it, and no call is given this thread before", token) => Thread = thread;

    /// <summary>The thread that was inside.</summary>
    public EnclaveThread Thread { get; }
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

    internal static void ThrowIf(string operation, Errno errno, ulong sgxError = 0, ulong done = 0)
    {
        if (errno != Errno.None)
        {
            throw new EnclaveOperationException(operation, errno, sgxError, done);
        }
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
/// <remarks>
/// No kernel since 5.11 says so by itself: EENTER and ERESUME fault at the TCS, and EINIT faults. A TCS that was removed looks the same.
/// </remarks>
public sealed class EnclaveLostException(string message) : EnclaveException(message);
