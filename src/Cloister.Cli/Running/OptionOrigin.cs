namespace Cloister.Cli.Running;

/// <summary>An option that was not on the command line.</summary>
/// <param name="Option">Its name.</param>
/// <param name="Value">Its value; empty when it has none.</param>
/// <param name="From">Where it stands: the environment's variable, or a file and a line.</param>
internal sealed record OptionOrigin(string Option, string Value, string From);
