using System.Globalization;
using Cloister.Architecture;
using Cloister.Cli.Platforms;
using Cloister.Driver;
using Cloister.Engine.Options;

namespace Cloister.Cli.Running;

/// <summary>What <c>run --verbose</c> says before and after.</summary>
internal static class MachineReport
{
    /// <summary>Which machine it is, and which options were not on the command line.</summary>
    public static void Begin(RunArguments arguments, EngineOptions options, Messages messages)
    {
        string keys = arguments switch
        {
            { Seed: not null } => "of --seed",
            { Platform: PlatformKey.New } => "of this run only",
            { Platform: not null and not PlatformKey.Default and var name } => $"of platform {name}",
            _ => PlatformKey.Path(out _) is { } path ? $"in {path}" : "of this run only",
        };
        messages.Notice(
            $"processor {options.Machine.Cpu?.Name ?? "host"}{(options.Machine.Sgx2 ? "" : " without SGX2")}, EPC {SizeText.Of((long)options.EpcPages * LinearAddress.PageSize)}, interface {options.Driver.Generation.Name()}, keys {keys}");
        messages.Notice(
            $"engine {Name(options.Mode == EngineMode.Fast, "fast", "trap")}, isolation {Name(options.Isolation == IsolationMode.Strict, "strict", "fast")}");
        foreach (OptionOrigin origin in arguments.Origins)
        {
            messages.Notice($"{origin.Option}{(origin.Value.Length == 0 ? "" : " " + origin.Value)} is from {origin.From}");
        }
    }

    /// <summary>How the program ended.</summary>
    public static void End(ProgramEnd end, TimeSpan time, Messages messages) => messages.Notice(string.Create(
        CultureInfo.InvariantCulture,
        $"the program {(end.Signal is { } signal ? $"was ended by signal {signal}" : $"ended with exit status {end.ExitStatus}")} after {time.TotalSeconds:f3} s"));

    private static string Name(bool first, string one, string other) => first ? one : other;
}
