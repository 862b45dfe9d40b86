namespace Cloister.Cli.Running;

/// <summary>One option of <c>cloister run</c>.</summary>
/// <param name="Name">With its two dashes.</param>
/// <param name="ValueName">What its value is called in the help text; null when it has none.</param>
/// <param name="Description">One sentence, made when help is asked for.</param>
/// <param name="Apply">Puts a value into the arguments, or says what is wrong with it.</param>
internal sealed record RunOption(string Name, string? ValueName, Func<string> Description, Func<RunArguments, string, (RunArguments Arguments, string? Problem)> Apply);
