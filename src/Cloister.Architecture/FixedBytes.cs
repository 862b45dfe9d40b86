using System.Runtime.CompilerServices;

namespace Cloister.Architecture;

// The byte fields of the SDM's structures. Each converts to Span<byte> and ReadOnlySpan<byte> of its length.

/// <summary>11 bytes in place.</summary>
[InlineArray(11)]
public struct Bytes11
{
    private byte first;
}

/// <summary>12 bytes in place.</summary>
[InlineArray(12)]
public struct Bytes12
{
    private byte first;
}

/// <summary>15 bytes in place.</summary>
[InlineArray(15)]
public struct Bytes15
{
    private byte first;
}

/// <summary>16 bytes in place: a CPUSVN, a MAC, an ISVFAMILYID.</summary>
[InlineArray(16)]
public struct Bytes16
{
    private byte first;
}

/// <summary>23 bytes in place.</summary>
[InlineArray(23)]
public struct Bytes23
{
    private byte first;
}

/// <summary>32 bytes in place: a SHA-256 digest, a KEYID.</summary>
[InlineArray(32)]
public struct Bytes32
{
    private byte first;
}

/// <summary>40 bytes in place.</summary>
[InlineArray(40)]
public struct Bytes40
{
    private byte first;
}

/// <summary>42 bytes in place.</summary>
[InlineArray(42)]
public struct Bytes42
{
    private byte first;
}

/// <summary>44 bytes in place.</summary>
[InlineArray(44)]
public struct Bytes44
{
    private byte first;
}

/// <summary>56 bytes in place.</summary>
[InlineArray(56)]
public struct Bytes56
{
    private byte first;
}

/// <summary>64 bytes in place: a CONFIGID, a REPORTDATA.</summary>
[InlineArray(64)]
public struct Bytes64
{
    private byte first;
}

/// <summary>84 bytes in place.</summary>
[InlineArray(84)]
public struct Bytes84
{
    private byte first;
}

/// <summary>384 bytes in place: a little-endian number of 3072 bits.</summary>
[InlineArray(384)]
public struct Bytes384
{
    private byte first;
}

/// <summary>434 bytes in place.</summary>
[InlineArray(434)]
public struct Bytes434
{
    private byte first;
}

/// <summary>3834 bytes in place.</summary>
[InlineArray(3834)]
public struct Bytes3834
{
    private byte first;
}

/// <summary>4008 bytes in place.</summary>
[InlineArray(4008)]
public struct Bytes4008
{
    private byte first;
}
