using Cloister.Cli.Explaining;

namespace Cloister.Cli.Tests.Explaining;

/// <summary>A case of <c>--explain</c>, and what brings it about for real.</summary>
/// <param name="Of">What fails, as <see cref="ExplainedCase"/> has it.</param>
/// <param name="Outcome">How, as it has it.</param>
/// <param name="Provoke">Brings it about; gives the lines of the explanation.</param>
/// <param name="Says">What stands in them, beside the causes.</param>
internal sealed record Provocation(string Of, string Outcome, Func<IReadOnlyList<string>> Provoke, params string[] Says)
{
    private readonly Lazy<IReadOnlyList<string>> _lines = new(Provoke);

    /// <summary>The lines. It is brought about once.</summary>
    public IReadOnlyList<string> Lines => _lines.Value;
}
