namespace Cloister.Driver.Uapi;

/// <summary>Which way the structure of an ioctl goes, as its number says (_IOC_DIR).</summary>
[Flags]
public enum IoctlDirection
{
    /// <summary>_IO: no structure.</summary>
    None = 0,

    /// <summary>_IOW: the program writes it.</summary>
    Write = 1,

    /// <summary>_IOR: the program reads it back.</summary>
    Read = 2,
}

/// <summary>How ioctl numbers are made (include/uapi/asm-generic/ioctl.h).</summary>
public static class IoctlNumber
{
    /// <summary>SGX_MAGIC, the type byte of every SGX ioctl.</summary>
    public const byte Magic = 0xa4;

    /// <summary>_IOC: direction in bits 31:30, size in 29:16, type in 15:8, number in 7:0.</summary>
    /// <param name="direction">Which way the structure goes.</param>
    /// <param name="number">The number within the type.</param>
    /// <param name="size">Bytes of the structure, below 16384.</param>
    public static uint Encode(IoctlDirection direction, byte number, int size)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)size, 1u << 14);
        return ((uint)direction << 30) | ((uint)size << 16) | ((uint)Magic << 8) | number;
    }
}
