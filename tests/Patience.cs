using System.Diagnostics;
using System.Globalization;

namespace Cloister.Tests;

/// <summary>
/// Waits for processes until they count as hung. A second on a busy machine counts as the share of a core that the process can have had.
/// </summary>
/// <remarks>The same rule as conformance/patience's.</remarks>
internal static class Patience
{
    private const int StepMilliseconds = 500;

    /// <summary>Waits until the process has ended; false when it hangs.</summary>
    /// <param name="process">The process.</param>
    /// <param name="seconds">How long it may take where nothing else runs.</param>
    public static bool WaitForExit(Process process, double seconds) => Until(process.WaitForExit, seconds);

    /// <summary>Waits in steps of some milliseconds until one is true; false when none was in time.</summary>
    public static bool Until(Func<int, bool> step, double seconds)
    {
        for (double spent = 0; spent < seconds; spent += StepMilliseconds / 1000.0 * Share())
        {
            if (step(StepMilliseconds))
            {
                return true;
            }
        }

        return false;
    }

    private static double Share()
    {
        double load = File.Exists("/proc/loadavg")
            && double.TryParse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture, out double read) ? read : 0;
        return Environment.ProcessorCount / Math.Max(Environment.ProcessorCount, load);
    }
}
