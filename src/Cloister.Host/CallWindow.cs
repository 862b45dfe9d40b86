using Cloister.Linux;

namespace Cloister.Host;

/// <summary>Untrusted memory of one call: the input, and behind it the output. It is the host's, and an enclave can address it.</summary>
internal sealed class CallWindow : IDisposable
{
    private const int Alignment = 64, LargestKept = 1 << 20;
    private PageBuffer? _memory;
    private int _inputLength, _outputOffset, _outputLength;

    public ulong InputAddress => _memory!.Address;

    public ulong OutputAddress => _memory!.Address + (ulong)_outputOffset;

    /// <summary>Copies the input and clears the output.</summary>
    public void Open(ReadOnlySpan<byte> input, int outputLength)
    {
        _inputLength = input.Length;
        _outputOffset = checked(input.Length + Alignment - 1) & -Alignment;
        _outputLength = outputLength;
        int needed = Math.Max(1, checked(_outputOffset + outputLength));
        if (_memory is null || _memory.Length < needed)
        {
            _memory?.Dispose();
            _memory = null;
            _memory = PageBuffer.Allocate(needed);
        }

        input.CopyTo(_memory.Bytes);
        Output(0, outputLength).Clear();
    }

    /// <summary>The call is over. A large window is given back.</summary>
    public void Close()
    {
        if (_memory is { Length: > LargestKept })
        {
            Dispose();
        }
    }

    /// <summary>A part of the output.</summary>
    public Span<byte> Output(int offset, int length) => _memory!.Bytes.Slice(_outputOffset, _outputLength).Slice(offset, length);

    /// <summary>Where in the output a range is that the enclave names; false when a byte of it is elsewhere.</summary>
    public bool TryFind(ulong address, ulong length, out int offset)
    {
        ulong at = address - OutputAddress, capacity = (ulong)_outputLength;
        bool inside = length == 0 || (at < capacity && length <= capacity - at);
        offset = inside && length != 0 ? (int)at : 0;
        return inside;
    }

    public void Dispose()
    {
        _memory?.Dispose();
        _memory = null;
    }
}
