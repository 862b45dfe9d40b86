namespace Cloister.Cli.Tracing;

/// <summary>The formats of traces.</summary>
internal enum TraceFileFormat
{
    /// <summary><see cref="TextTrace"/>.</summary>
    Text,

    /// <summary><see cref="JsonLinesTrace"/>.</summary>
    JsonLines,

    /// <summary><see cref="ChromeTrace"/>.</summary>
    Chrome,
}
