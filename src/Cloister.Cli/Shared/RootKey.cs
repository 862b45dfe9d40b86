using System.Security.Cryptography;
using System.Text;

namespace Cloister.Cli;

/// <summary>The machine's root key, 32 bytes.</summary>
internal static class RootKey
{
    /// <summary>SHA-256 of the seed with a prefix; empty without a seed.</summary>
    public static ReadOnlyMemory<byte> From(string? seed) =>
        seed is null ? default(ReadOnlyMemory<byte>) : SHA256.HashData(Encoding.UTF8.GetBytes("Cloister machine: " + seed));
}
