namespace Cloister.Architecture;

/// <summary>Why an asynchronous exit happened. SDM 3D, "EXITINFO".</summary>
/// <param name="Value">The 32 bits.</param>
public readonly record struct Exitinfo(uint Value)
{
    /// <summary>EXIT_TYPE of a hardware exception.</summary>
    public const uint HardwareException = 3;

    /// <summary>EXIT_TYPE of a software exception (INT3).</summary>
    public const uint SoftwareException = 6;

    /// <summary>A valid EXITINFO.</summary>
    public Exitinfo(ExceptionVector vector, uint exitType) : this((uint)vector | (exitType << 8) | (1u << 31))
    {
    }

    /// <summary>Bits 7:0.</summary>
    public ExceptionVector Vector => (ExceptionVector)(Value & 0xff);

    /// <summary>Bits 10:8.</summary>
    public uint ExitType => (Value >> 8) & 7;

    /// <summary>Bit 31: the exception is one that enclaves are told of.</summary>
    public bool Valid => (Value >> 31) != 0;
}
