namespace Cloister.Cli;

/// <summary>Errors of the command itself: one line, and an exit status of its own (as in sysexits.h).</summary>
internal static class Failure
{
    /// <summary>The command line is wrong.</summary>
    public const int Usage = 64;

    /// <summary>The machine lacks what is needed.</summary>
    public const int Unavailable = 69;

    /// <summary>A defect of Cloister's own.</summary>
    public const int Internal = 70;

    public static int Report(string message, int status)
    {
        Console.Error.WriteLine($"cloister: {message}");
        return status;
    }
}
