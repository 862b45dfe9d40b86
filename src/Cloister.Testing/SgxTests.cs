using Cloister.Host;

namespace Cloister.Testing;

/// <summary>Whether tests that need SGX can run in this process.</summary>
public static class SgxTests
{
    private static readonly Lazy<string?> Reason = new(() => Enclave.FindObstacle() is { } obstacle
        ? $"needs SGX: {obstacle}; 'dotnet test' uses Cloister by itself when the command is there: dotnet tool install --global Cloister"
        : null);

    /// <summary>Why they cannot; null when they can.</summary>
    public static string? SkipReason => Reason.Value;
}
