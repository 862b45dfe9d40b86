namespace Cloister.Host;

/// <summary>Serves an ocall, outside the enclave, on the thread that made the call. What it throws ends the call.</summary>
/// <param name="ocall">What the enclave asks.</param>
/// <returns>How many bytes of <see cref="Ocall.Answer"/> it wrote: 0 to its length.</returns>
public delegate int OcallHandler(Ocall ocall);

/// <summary>What an enclave asks of its host in the middle of a call.</summary>
public readonly ref struct Ocall
{
    private readonly NestedCall _call;

    internal Ocall(EnclaveThread thread, NestedCall call, ulong number, ulong argument, ReadOnlySpan<byte> input, Span<byte> answer,
        CancellationToken cancellation)
    {
        _call = call;
        Thread = thread;
        Cancellation = cancellation;
        Number = number;
        Argument = argument;
        Input = input;
        Answer = answer;
    }

    /// <summary>Its number in the table: RDI, 1 or more.</summary>
    public ulong Number { get; }

    /// <summary>R9: a number of the enclave's choice.</summary>
    public ulong Argument { get; }

    /// <summary>The enclave's bytes: a copy, which nothing inside can change any more.</summary>
    public ReadOnlySpan<byte> Input { get; }

    /// <summary>Where the answer goes: as many bytes as the enclave has room for.</summary>
    public Span<byte> Answer { get; }

    /// <summary>The enclave's thread that asks.</summary>
    public EnclaveThread Thread { get; }

    /// <summary>The token of the call.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>
    /// A nested call, on the thread that asks. The enclave must expect it: it finds CSSA 0 as at any entry, its own stack where it left it,
    /// and an entry that is not <see cref="OcallTable.Return"/>. <see cref="Enclave.Call(ulong, ReadOnlySpan{byte}, Span{byte}, EnclaveCallOptions?)"/>
    /// takes another thread instead.
    /// </summary>
    /// <inheritdoc cref="Enclave.Call(ulong, ReadOnlySpan{byte}, Span{byte}, EnclaveCallOptions?)"/>
    public EnclaveAnswer Call(ulong entry, ReadOnlySpan<byte> input, Span<byte> output) => _call(entry, input, output);
}
