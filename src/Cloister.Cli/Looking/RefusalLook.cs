namespace Cloister.Cli.Looking;

/// <summary>Why there is no answer.</summary>
internal sealed record RefusalLook
{
    /// <summary>In a line.</summary>
    public required string Error { get; init; }
}
