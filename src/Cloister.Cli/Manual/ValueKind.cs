namespace Cloister.Cli.Manual;

/// <summary>What a value is, for who completes it.</summary>
internal enum ValueKind
{
    /// <summary>Nothing that can be guessed.</summary>
    Text,

    /// <summary>A file's name.</summary>
    File,

    /// <summary>One of a list.</summary>
    Choice,

    /// <summary>A program and its arguments.</summary>
    Program,
}
