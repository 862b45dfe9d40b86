namespace Cloister.Cli.Manual;

/// <summary>The exit statuses and what they mean, for help, manual and reference.</summary>
internal static class ExitStatuses
{
    /// <summary>Of <c>run</c>.</summary>
    public static IReadOnlyList<(string Status, string Meaning)> OfRun { get; } =
    [
        ("the program's", "when a signal ends the program, Cloister ends by the same signal"),
        ($"{Failure.Usage}", "wrong arguments, or wrong options in CLOISTER_OPTIONS or the configuration file"),
        ($"{Failure.NotRunnable}",
            "not a program that can run here, a file of the platform is damaged, or what --driver names is no driver"),
        ($"{Failure.NotFound}", "no such program, platform or driver"),
        ($"{Failure.Unavailable}", "the machine lacks something (`cloister doctor` tells what), or a limit is too low (ulimit)"),
        ($"{Failure.Internal}", "an error of Cloister's own, or of the driver that --driver names"),
        ($"{Failure.InputOutput}", "output could not be written"),
        ($"{Failure.NotPermitted}", "the kernel does not permit tracing"),
    ];

    /// <summary>Of the commands on enclave files.</summary>
    public static IReadOnlyList<(string Status, string Meaning)> OfFiles { get; } =
    [
        ("0", "done; for `verify` everything holds, for `measure --against` both are the same"),
        ($"{Commands.Failing.Failed}", "something does not hold, or the two part"),
        ($"{Commands.Failing.Unreadable}", "the file, the key or an option's file cannot be used"),
        ($"{Failure.Usage}", "wrong arguments"),
        ($"{Failure.InputOutput}", "output could not be written"),
        ($"{Commands.Failing.Interrupted}", "interrupted"),
    ];

    /// <summary>Of the other commands.</summary>
    public static IReadOnlyList<(string Status, string Meaning)> OfOthers { get; } =
    [
        ("0", "done; for `doctor` programs can run here, for `attest verify` everything holds"),
        ($"{Commands.Failing.Failed}", "for `attest verify` something does not hold"),
        ($"{Commands.Failing.Unreadable}", "a file that was named cannot be used"),
        ($"{Failure.Usage}", "wrong arguments"),
        ($"{Failure.NotRunnable}", "a file of a platform or of the development root is damaged"),
        ($"{Failure.NotFound}", "no such platform"),
        ($"{Failure.Unavailable}", "programs cannot run here, or the demo's program is not there"),
        ($"{Failure.Internal}", "an error of Cloister's own"),
        ($"{Failure.InputOutput}", "output could not be written"),
        ($"{Failure.NotPermitted}", "the kernel does not permit tracing"),
        ($"{Commands.Failing.Interrupted}", "interrupted"),
    ];
}
