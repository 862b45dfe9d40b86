namespace Cloister.Linux;

/// <summary>A page of the host: x86-64 has one size that every mapping is a multiple of.</summary>
public static class HostPage
{
    /// <summary>Bytes.</summary>
    public const int Size = 4096;
}
