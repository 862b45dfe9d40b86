namespace Cloister.Cli;

/// <summary>Text that others made, as it may stand on a terminal.</summary>
internal static class PrintableText
{
    /// <summary>The same without what a terminal would obey.</summary>
    public static string Of(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
