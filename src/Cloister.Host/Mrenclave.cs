using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Cloister.Host;

/// <summary>The measurement of an enclave, 32 bytes. SDM 3D, "MRENCLAVE". As text it is 64 hexadecimal digits.</summary>
public readonly struct Mrenclave : IEquatable<Mrenclave>, ISpanParsable<Mrenclave>
{
    /// <summary>Bytes in it.</summary>
    public const int Size = 32;

    private readonly Bytes _bytes;

    /// <summary>Of its bytes.</summary>
    /// <param name="bytes">Exactly 32.</param>
    /// <exception cref="ArgumentException">They are more or fewer.</exception>
    public Mrenclave(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
        {
            throw new ArgumentException($"an MRENCLAVE has {Size} bytes, not {bytes.Length}", nameof(bytes));
        }

        bytes.CopyTo(_bytes);
    }

    /// <summary>The bytes.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>Whether both are the same.</summary>
    public static bool operator ==(Mrenclave left, Mrenclave right) => left.Equals(right);

    /// <summary>Whether they differ.</summary>
    public static bool operator !=(Mrenclave left, Mrenclave right) => !left.Equals(right);

    /// <summary>Reads 64 hexadecimal digits of either case, as <see cref="ToString"/> and <c>cloister verify</c> print them.</summary>
    /// <param name="text">The digits and nothing else.</param>
    /// <exception cref="FormatException">It is something else.</exception>
    public static Mrenclave Parse(string text) => Parse(text.AsSpan(), null);

    /// <inheritdoc cref="Parse(string)"/>
    /// <param name="s">The digits and nothing else.</param>
    /// <param name="provider">Not used.</param>
    public static Mrenclave Parse(string s, IFormatProvider? provider) => Parse(s.AsSpan(), provider);

    /// <inheritdoc cref="Parse(string)"/>
    /// <param name="s">The digits and nothing else.</param>
    /// <param name="provider">Not used.</param>
    public static Mrenclave Parse(ReadOnlySpan<char> s, IFormatProvider? provider) =>
        TryParse(s, provider, out Mrenclave result) ? result
        : throw new FormatException($"an MRENCLAVE is {2 * Size} hexadecimal digits, not '{s}'");

    /// <summary>Reads 64 hexadecimal digits; false when it is something else.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Mrenclave result) => TryParse(text.AsSpan(), null, out result);

    /// <inheritdoc/>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Mrenclave result) =>
        TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc/>
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out Mrenclave result)
    {
        Span<byte> bytes = stackalloc byte[Size];
        bool read = s.Length == 2 * Size && Convert.FromHexString(s, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
        result = read ? new Mrenclave(bytes) : default;
        return read;
    }

    /// <summary>A copy of the bytes.</summary>
    public byte[] ToArray() => Span.ToArray();

    /// <inheritdoc/>
    public bool Equals(Mrenclave other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Mrenclave other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => BitConverter.ToInt32(Span);

    /// <summary>64 hexadecimal digits, in lower case.</summary>
    public override string ToString() => Convert.ToHexStringLower(Span);

    [InlineArray(Size)]
    private struct Bytes
    {
        private byte _first;
    }
}
