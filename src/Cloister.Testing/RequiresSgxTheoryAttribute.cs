using Xunit;

namespace Cloister.Testing;

/// <summary>As <see cref="RequiresSgxAttribute"/>, for a test with data (xunit's theory).</summary>
[AttributeUsage(AttributeTargets.Method)]
public class RequiresSgxTheoryAttribute : TheoryAttribute
{
    /// <summary>Looks whether there is SGX.</summary>
    public RequiresSgxTheoryAttribute() => Skip = SgxTests.SkipReason!;
}
