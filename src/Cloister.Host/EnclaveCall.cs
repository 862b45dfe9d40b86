namespace Cloister.Host;

/// <summary>One call with buffers, from its first EENTER to its last EEXIT, with the ocalls in between.</summary>
internal sealed class EnclaveCall
{
    private readonly EnclaveThread _thread;
    private readonly CallWindow _window;
    private readonly EnclaveCallOptions _options;
    private readonly NestedCall _nested;

    private EnclaveCall(EnclaveThread thread, CallWindow window, EnclaveCallOptions options)
    {
        _thread = thread;
        _window = window;
        _options = options;
        _nested = (entry, input, output) => Make(thread, entry, input, output, options);
    }

    /// <summary>Makes one on a thread.</summary>
    public static EnclaveAnswer Make(EnclaveThread thread, ulong entry, ReadOnlySpan<byte> input, Span<byte> output,
        EnclaveCallOptions options)
    {
        CallWindow window = thread.TakeWindow();
        try
        {
            window.Open(input, output.Length);
            return new EnclaveCall(thread, window, options).Run(entry, input.Length, output);
        }
        finally
        {
            thread.GiveBack(window);
        }
    }

    /// <summary>
    /// Asks the handler what follows, until the call is over or, without <paramref name="everyExit"/>, the enclave left by itself.
    /// </summary>
    public static EnclaveRegisters Follow(EnclaveThread thread, EnclaveExit exit, ExitHandler? handler, bool everyExit,
        CancellationToken cancellation)
    {
        while (everyExit || exit.Fault is not null)
        {
            ExitDecision decision = handler?.Invoke(thread, exit) ?? ExitDecision.Finish;
            if (decision.Chosen == ExitDecision.Choice.Finish)
            {
                return exit.Fault is { } fault
                    ? throw new EnclaveFaultException(fault, thread.Describe(fault))
                    : exit.Registers;
            }

            try
            {
                exit = decision.Chosen == ExitDecision.Choice.Enter ? thread.Enter(decision.Registers, cancellation)
                    : thread.Resume(cancellation);
            }
            catch (OperationCanceledException)
            {
                thread.Abandon("a call on it was cancelled");
                throw;
            }
        }

        return exit.Registers;
    }

    /// <summary>
    /// Enters. The registers are documented at <see cref="Enclave.Call(ulong, ReadOnlySpan{byte}, Span{byte}, EnclaveCallOptions?)"/>.
    /// </summary>
    private EnclaveAnswer Run(ulong entry, int inputLength, Span<byte> output)
    {
        var first = new EnclaveRegisters(entry, _window.InputAddress, (ulong)inputLength, _window.OutputAddress, (ulong)output.Length);
        EnclaveRegisters exit =
            Follow(_thread, _thread.Enter(first, _options.Cancellation), _options.OnFault, everyExit: false, _options.Cancellation);
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

            ulong before = _thread.Crossings;
            try
            {
                exit = Follow(_thread, _thread.Enter(next, _options.Cancellation), _options.OnFault, everyExit: false,
                    _options.Cancellation);
            }
            catch when (_thread.Crossings == before)
            {
                Abandon(exit.Rdi);
                throw;
            }
        }

        if (exit.Rdx > (ulong)output.Length)
        {
            throw new EnclaveException(
                $"the enclave says that it wrote {exit.Rdx} bytes (RDX), and the output has room for {output.Length}");
        }

        _window.Output(0, (int)exit.Rdx).CopyTo(output);
        return new EnclaveAnswer(exit.Rsi, (int)exit.Rdx);
    }

    // The enclave waits for an answer on this thread that never comes.
    private void Abandon(ulong ocall) => _thread.Abandon($"a call on it ended in ocall {ocall}");

    private EnclaveRegisters Serve(EnclaveRegisters exit, int capacity)
    {
        _options.Cancellation.ThrowIfCancellationRequested();
        OcallHandler handler = _options.Ocalls?.Find(exit.Rdi)
            ?? throw new EnclaveException(
                $"the enclave asks for ocall {exit.Rdi} (RDI), and {(_options.Ocalls?.Any() == true ? $"there is only {string.Join(", ", _options.Ocalls)}" : "there are none")}");

        ulong room = Math.Max(exit.Rdx, exit.R8);
        if (!_window.TryFind(exit.Rsi, room, out int at))
        {
            throw new EnclaveException(
                $"ocall {exit.Rdi}: {room} bytes at 0x{exit.Rsi:x} (RSI; the larger of RDX and R8) are not within the output of the call, {capacity} bytes at 0x{_window.OutputAddress:x}");
        }

        byte[] input = _window.Output(at, (int)exit.Rdx).ToArray(), answer = new byte[(int)exit.R8];
        int length = handler(new Ocall(_thread, _nested, exit.Rdi, exit.R9, input, answer, _options.Cancellation));
        if ((uint)length > (uint)answer.Length)
        {
            throw new InvalidOperationException(
                $"ocall {exit.Rdi}: its handler returned {length}; the enclave has room for {answer.Length} bytes");
        }

        answer.AsSpan(0, length).CopyTo(_window.Output(at, length));
        return new EnclaveRegisters(OcallTable.Return, exit.Rsi, (ulong)length, _window.OutputAddress, (ulong)capacity);
    }
}
