namespace Cloister.Cli.Running;

/// <summary>How <c>run</c> prints what the machine did.</summary>
internal enum StatisticsFormat
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>A line for each count.</summary>
    Text,

    /// <summary>One line of JSON.</summary>
    Json,
}
