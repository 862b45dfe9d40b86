namespace Cloister.Architecture;

/// <summary>A linear address of a program.</summary>
/// <param name="Value">The 64 bits.</param>
public readonly record struct LinearAddress(ulong Value) : IComparable<LinearAddress>
{
    /// <summary>Bytes in a page.</summary>
    public const int PageSize = 4096;

    /// <summary>The address of the page it lies in.</summary>
    public LinearAddress PageBase => new(Value & ~(ulong)(PageSize - 1));

    /// <summary>Bytes from the beginning of its page, 0 to 4095.</summary>
    public int PageOffset => (int)(Value & (PageSize - 1));

    /// <summary>Whether it is the beginning of a page.</summary>
    public bool IsPageAligned => PageOffset == 0;

    /// <summary>Whether it is canonical with 48 address bits. SDM 1, "Canonical Addressing".</summary>
    public bool IsCanonical => (ulong)((long)(Value << 16) >> 16) == Value;

    /// <summary>Whether it is a multiple of <paramref name="alignment"/>, a power of two.</summary>
    public bool IsAlignedTo(int alignment) => (Value & (ulong)(alignment - 1)) == 0;

    /// <inheritdoc/>
    public int CompareTo(LinearAddress other) => Value.CompareTo(other.Value);

    /// <summary>The address some bytes further on; wraps round at 2^64 as the processor does.</summary>
    public static LinearAddress operator +(LinearAddress address, ulong bytes) => new(unchecked(address.Value + bytes));

    /// <summary>The address some bytes before; wraps round at 0.</summary>
    public static LinearAddress operator -(LinearAddress address, ulong bytes) => new(unchecked(address.Value - bytes));

    /// <summary>The distance in bytes from <paramref name="right"/> to <paramref name="left"/>.</summary>
    public static ulong operator -(LinearAddress left, LinearAddress right) => unchecked(left.Value - right.Value);

    /// <summary>Whether left is below right.</summary>
    public static bool operator <(LinearAddress left, LinearAddress right) => left.Value < right.Value;

    /// <summary>Whether left is above right.</summary>
    public static bool operator >(LinearAddress left, LinearAddress right) => left.Value > right.Value;

    /// <summary>Whether left is not above right.</summary>
    public static bool operator <=(LinearAddress left, LinearAddress right) => left.Value <= right.Value;

    /// <summary>Whether left is not below right.</summary>
    public static bool operator >=(LinearAddress left, LinearAddress right) => left.Value >= right.Value;

    /// <summary>Same as the operator.</summary>
    public LinearAddress Add(ulong bytes) => this + bytes;

    /// <summary>Same as the operator.</summary>
    public LinearAddress Subtract(ulong bytes) => this - bytes;

    /// <inheritdoc/>
    public override string ToString() => $"0x{Value:x}";
}
