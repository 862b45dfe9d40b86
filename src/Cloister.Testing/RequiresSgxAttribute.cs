using Xunit;

namespace Cloister.Testing;

/// <summary>
/// A test (xunit's fact) that needs SGX: it is skipped, with the reason and the cure, where this process cannot build enclaves.
/// </summary>
/// <remarks>
/// With the package's build targets 'dotnet test' runs the tests under Cloister where the machine has no SGX and the command is there.
/// </remarks>
[AttributeUsage(AttributeTargets.Method)]
public class RequiresSgxAttribute : FactAttribute
{
    /// <summary>Looks whether there is SGX.</summary>
    public RequiresSgxAttribute() => Skip = SgxTests.SkipReason!;
}
