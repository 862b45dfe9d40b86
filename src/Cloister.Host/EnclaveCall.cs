namespace Cloister.Host;

/// <summary>One call with buffers, from its first EENTER to its last EEXIT, with the ocalls in between.</summary>
internal sealed class EnclaveCall(Enclave enclave, EnclaveThread thread, CallWindow window, EnclaveCallOptions options)
{
    public EnclaveThread Thread => thread;

    public EnclaveCallOptions Options => options;

    /// <summary>Enters. The registers are documented at <see cref="Enclave.Call(ulong, ReadOnlySpan{byte}, Span{byte}, EnclaveCallOptions?)"/>.</summary>
    public EnclaveAnswer Run(ulong entry, int inputLength, Span<byte> output)
    {
        var first = new EnclaveRegisters(entry, window.InputAddress, (ulong)inputLength, window.OutputAddress, (ulong)output.Length);
        EnclaveRegisters exit = enclave.Follow(thread, thread.Enter(first, options.Cancellation), options.OnFault, everyExit: false, options.Cancellation);
        while (exit.Rdi != 0)
        {
            EnclaveRegisters next;
            try
            {
                next = Serve(exit, output.Length);
            }
            catch
            {
                Abandon(exit.Rdi);
                throw;
            }

            ulong before = thread.Crossings;
            try
            {
                exit = enclave.Follow(thread, thread.Enter(next, options.Cancellation), options.OnFault, everyExit: false, options.Cancellation);
            }
            catch when (thread.Crossings == before)
            {
                Abandon(exit.Rdi);
                throw;
            }
        }

        if (exit.Rdx > (ulong)output.Length)
        {
            throw new EnclaveException($"the enclave says that it wrote {exit.Rdx} bytes (RDX), and the output has room for {output.Length}");
        }

        window.Output(0, (int)exit.Rdx).CopyTo(output);
        return new EnclaveAnswer(exit.Rsi, (int)exit.Rdx);
    }

    // The enclave waits for an answer on this thread that never comes.
    private void Abandon(ulong ocall) => thread.Abandon($"a call on it ended in ocall {ocall}");

    private EnclaveRegisters Serve(EnclaveRegisters exit, int capacity)
    {
        options.Cancellation.ThrowIfCancellationRequested();
        OcallHandler handler = options.Ocalls?.Find(exit.Rdi)
            ?? throw new EnclaveException($"the enclave asks for ocall {exit.Rdi} (RDI), and {(options.Ocalls?.Any() == true ? $"there is only {string.Join(", ", options.Ocalls)}" : "there are none")}");

        ulong room = Math.Max(exit.Rdx, exit.R8);
        if (!window.TryFind(exit.Rsi, room, out int at))
        {
            throw new EnclaveException($"ocall {exit.Rdi}: {room} bytes at 0x{exit.Rsi:x} (RSI; the larger of RDX and R8) are not within the output of the call, {capacity} bytes at 0x{window.OutputAddress:x}");
        }

        byte[] input = window.Output(at, (int)exit.Rdx).ToArray(), answer = new byte[(int)exit.R8];
        int length = handler(new Ocall(this, exit.Rdi, exit.R9, input, answer));
        if ((uint)length > (uint)answer.Length)
        {
            throw new InvalidOperationException($"ocall {exit.Rdi}: its handler returned {length}; the enclave has room for {answer.Length} bytes");
        }

        answer.AsSpan(0, length).CopyTo(window.Output(at, length));
        return new EnclaveRegisters(OcallTable.Return, exit.Rsi, (ulong)length, window.OutputAddress, (ulong)capacity);
    }
}
