namespace Cloister.Attestation.Libraries;

/// <summary>The memory of a program that has called a function.</summary>
public interface ICallerMemory
{
    /// <summary>Reads it.</summary>
    Task<byte[]> Read(ulong address, int length);

    /// <summary>Writes it.</summary>
    Task Write(ulong address, ReadOnlyMemory<byte> bytes);

    /// <summary>Makes some; null when there is none.</summary>
    Task<ulong?> Allocate(int length);

    /// <summary>Gives it back.</summary>
    Task Free(ulong address, ulong length);
}
