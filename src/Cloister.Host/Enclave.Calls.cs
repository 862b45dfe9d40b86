using System.Runtime.InteropServices;

namespace Cloister.Host;

/// <content>The ways to call it.</content>
public sealed partial class Enclave
{
    /// <summary>
    /// Calls the enclave with bytes and gets bytes back, both copied through untrusted memory that the enclave can address.
    /// </summary>
    /// <remarks>
    /// The registers at EENTER: RDI = <paramref name="entry"/>, RSI = address and RDX = length of the input, R8 = address and R9 = length
    /// of the output, which is zero. EEXIT with RDI = 0 ends the call: RDX = how many bytes of the output were written, RSI = a value of
    /// the enclave's choice. Any other RDI is an ocall (<see cref="OcallTable"/>). The host may change this memory at any time, so an
    /// enclave with a secret copies the input before it checks it, and checks that all addresses are outside of it.
    /// </remarks>
    /// <param name="entry">RDI: which function of the enclave. 2^64 - 1 is taken: <see cref="OcallTable.Return"/>.</param>
    /// <param name="input">What the enclave is given; it may be empty.</param>
    /// <param name="output">Where the answer goes; it may be empty.
    /// Bytes behind the answer stay as they were. Ocalls pass their bytes in it.</param>
    /// <param name="options">How the call is made.</param>
    /// <returns>What the enclave left.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The entry is 2^64 - 1.</exception>
    /// <exception cref="EnclaveBusyException">No thread came free in time, or the caller holds all of them itself.</exception>
    /// <exception cref="EnclaveFaultException">An exception inside, and nothing cured it. The thread keeps the frame of it.</exception>
    /// <exception cref="EnclaveLostException">The enclave is lost: to a power transition,
    /// or because it could not be put right after a cancellation.</exception>
    /// <exception cref="EnclaveCallCanceledException">The call was cancelled while a thread was inside.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before or between:
    /// the enclave is as it was, or waits for the answer to an ocall.</exception>
    /// <exception cref="EnclaveException">No thread can be entered any more, or the enclave breaks the protocol.</exception>
    /// <exception cref="InvalidOperationException">The enclave has no thread.</exception>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    public EnclaveAnswer Call(ulong entry, ReadOnlySpan<byte> input, Span<byte> output, EnclaveCallOptions? options = null)
    {
        options ??= EnclaveCallOptions.Default;
        ArgumentOutOfRangeException.ThrowIfEqual(entry, OcallTable.Return);
        while (true)
        {
            EnclaveThread thread = Take(options);
            ulong before = thread.Crossings;
            try
            {
                return EnclaveCall.Make(thread, entry, input, output, options);
            }
            catch (EnclaveException e) when (e.EntryRefused && thread.Crossings == before)
            {
                thread.Abandon(e.Message);
            }
            finally
            {
                _free.Return(thread);
            }
        }
    }

    /// <summary>The same with a structure in and one out, as they lie in memory.</summary>
    /// <param name="entry">RDI: which function of the enclave.</param>
    /// <param name="request">What the enclave is given.</param>
    /// <param name="options">How the call is made.</param>
    /// <typeparam name="TRequest">A structure without references; give it a layout (StructLayout).</typeparam>
    /// <typeparam name="TAnswer">The same of the answer. The enclave must write all of it.</typeparam>
    /// <inheritdoc cref="Call(ulong, ReadOnlySpan{byte}, Span{byte}, EnclaveCallOptions?)"/>
    public TAnswer Call<TRequest, TAnswer>(ulong entry, in TRequest request, EnclaveCallOptions? options = null)
        where TRequest : unmanaged
        where TAnswer : unmanaged
    {
        TAnswer answer = default;
        Span<byte> output = MemoryMarshal.AsBytes(new Span<TAnswer>(ref answer));
        EnclaveAnswer got = Call(entry, MemoryMarshal.AsBytes(new ReadOnlySpan<TRequest>(in request)), output, options);
        return got.Length == output.Length ? answer
            : throw new EnclaveException(
                $"the enclave's answer has {got.Length} bytes (RDX), and {typeof(TAnswer).Name} has {output.Length}");
    }

    /// <summary>Enters on a free thread, waits for one if there is none, and returns when the enclave has left for good.</summary>
    /// <param name="registers">What the enclave finds in the registers.</param>
    /// <param name="handler">Decides what follows each exit; by default the first ends the call.</param>
    /// <returns>The registers as the enclave left them.</returns>
    /// <exception cref="EnclaveFaultException">An exception inside, and the handler did not cure it.
    /// The thread keeps the frame of it.</exception>
    /// <exception cref="EnclaveLostException">The enclave is lost.</exception>
    /// <exception cref="EnclaveBusyException">The caller holds all threads itself.</exception>
    /// <exception cref="EnclaveException">No thread can be entered any more.</exception>
    /// <exception cref="InvalidOperationException">The enclave has no thread.</exception>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    public EnclaveRegisters Call(EnclaveRegisters registers, ExitHandler? handler = null) =>
        Call(registers, handler, EnclaveCallOptions.Default);

    /// <summary>The same with a limit for the wait and a token.</summary>
    /// <param name="registers">What the enclave finds in the registers.</param>
    /// <param name="handler">Decides what follows each exit; by default the first ends the call.</param>
    /// <param name="options">How long to wait and whether it can be cancelled; the handler is in place of
    /// <see cref="EnclaveCallOptions.OnFault"/>, and there are no ocalls but by it.</param>
    /// <exception cref="EnclaveBusyException">No thread came free in time, or the caller holds all of them itself.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled;
    /// <see cref="EnclaveCallCanceledException"/> when a thread was inside.</exception>
    /// <inheritdoc cref="Call(EnclaveRegisters, ExitHandler?)"/>
    public EnclaveRegisters Call(EnclaveRegisters registers, ExitHandler? handler, EnclaveCallOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        while (true)
        {
            EnclaveThread thread = Take(options);
            ulong before = thread.Crossings;
            try
            {
                return EnclaveCall.Follow(thread, thread.Enter(registers, options.Cancellation), handler, everyExit: true,
                    options.Cancellation);
            }
            catch (EnclaveException e) when (e.EntryRefused && thread.Crossings == before)
            {
                thread.Abandon(e.Message);
            }
            finally
            {
                _free.Return(thread);
            }
        }
    }

    /// <summary>Enters with these values in RDI, RSI, RDX, R8 and R9.</summary>
    /// <param name="entry">RDI: which function, by the usual convention.</param>
    /// <param name="first">RSI.</param>
    /// <param name="second">RDX.</param>
    /// <param name="third">R8.</param>
    /// <param name="fourth">R9.</param>
    /// <inheritdoc cref="Call(EnclaveRegisters, ExitHandler?)"/>
    public EnclaveRegisters Call(ulong entry, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0) =>
        Call(new EnclaveRegisters(entry, first, second, third, fourth));

    /// <summary>As <see cref="Call(EnclaveRegisters, ExitHandler?)"/>, on a thread of the caller's choice.</summary>
    /// <param name="thread">The thread. It must not be in use.</param>
    /// <param name="registers">What the enclave finds in the registers.</param>
    /// <param name="handler">Decides what follows each exit.</param>
    /// <exception cref="ArgumentException">The thread is another enclave's.</exception>
    public EnclaveRegisters CallOn(EnclaveThread thread, EnclaveRegisters registers, ExitHandler? handler = null)
    {
        ArgumentNullException.ThrowIfNull(thread);
        if (!_threads.TryGetValue(thread.Offset, out EnclaveThread? own) || own != thread)
        {
            throw new ArgumentException("the thread is another enclave's", nameof(thread));
        }

        return EnclaveCall.Follow(thread, thread.Enter(registers), handler, everyExit: true, CancellationToken.None);
    }

    private EnclaveThread Take(EnclaveCallOptions options)
    {
        _loaded.ThrowIfDisposed();
        return _free.Take(options.WaitForThread, options.Cancellation);
    }
}
