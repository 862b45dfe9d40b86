using System.Collections;

namespace Cloister.Host;

/// <summary>What an enclave may ask of its host, by number. It may be used by several calls at a time; add everything before.</summary>
/// <remarks>
/// In a call with buffers EEXIT with RDI = 0 ends the call and any other RDI is an ocall of that number: RSI is where its bytes are, RDX
/// how many, R8 how many bytes its answer may have, R9 a number. The bytes lie in the output of the call, and the answer is written over
/// them. The enclave is then entered on the same TCS with RDI = <see cref="Return"/>, RSI as it left it, RDX = bytes of the answer, R8 and
/// R9 = the output again; it finds its own state by the TCS (RBX at EENTER, SDM 3D).
/// </remarks>
public sealed class OcallTable : IEnumerable<ulong>
{
    /// <summary>RDI at the entry that follows an ocall.</summary>
    public const ulong Return = ulong.MaxValue;

    private readonly Dictionary<ulong, OcallHandler> _handlers = [];

    /// <summary>Adds one.</summary>
    /// <param name="number">Its number, from 1 to 2^64 - 2.</param>
    /// <param name="handler">What serves it.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is 0, which ends a call, or <see cref="Return"/>.</exception>
    /// <exception cref="ArgumentException">There is one of this number.</exception>
    public void Add(ulong number, OcallHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        if (number is 0 or Return)
        {
            throw new ArgumentOutOfRangeException(nameof(number), number,
                "0 ends a call and 2^64 - 1 follows an ocall: no ocall has these numbers");
        }

        if (!_handlers.TryAdd(number, handler))
        {
            throw new ArgumentException($"there is an ocall {number} already", nameof(number));
        }
    }

    /// <summary>The numbers.</summary>
    public IEnumerator<ulong> GetEnumerator() => _handlers.Keys.Order().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal OcallHandler? Find(ulong number) => _handlers.GetValueOrDefault(number);
}
