using Cloister.Kernel.Tests.Harness;
using Cloister.Kernel.Tests.Oracle;

namespace Cloister.Kernel.Tests;

/// <summary>
/// The kernel's own driver as the judge of Cloister's: the same is done with both, each over a processor of its own, and all that can be
/// seen is compared.
/// </summary>
public class OracleTests
{
    private static readonly Lazy<string[]> s_libraries = new(
        () => [.. KernelSources.Versions.Select(version => KernelSources.Library(version))]);

    /// <summary>Hours that conformance/linux-driver/run gives; else a few seconds.</summary>
    private static double Hours =>
        double.TryParse(Environment.GetEnvironmentVariable("CLOISTER_ORACLE_HOURS"), out double hours) ? hours : 0;

    // A library of one's own, as for a measurement of coverage.
    private static string? Library => Environment.GetEnvironmentVariable("CLOISTER_ORACLE_LIBRARY");

    private static int Seeds => int.TryParse(Environment.GetEnvironmentVariable("CLOISTER_ORACLE_SEEDS"), out int seeds) ? seeds : 5;

    private static int Steps => int.TryParse(Environment.GetEnvironmentVariable("CLOISTER_ORACLE_STEPS"), out int steps) ? steps : 1500;

    [KernelTheory]
    [InlineData(0, 30)]
    [InlineData(0, 60)]
    [InlineData(0, 400)]
    [InlineData(1, 60)]
    public void Both_drivers_do_the_same(int library, int epcPages)
    {
        DateTime end = DateTime.UtcNow.AddHours(Hours / 4);
        int steps = 0;
        for (int seed = 0; seed < Seeds || DateTime.UtcNow < end; seed++)
        {
            using var world = new World(Library ?? s_libraries.Value[library], epcPages, seed, hasMishaps: seed % 3 != 0);
            world.Run(Steps);
            steps += world.Counts.Values.Sum();
            if (Environment.GetEnvironmentVariable("CLOISTER_ORACLE_COUNTS") is { Length: > 0 } file)
            {
                File.AppendAllText(file,
                    $"{epcPages} {seed}: {string.Join(", ", world.Counts.Concat(world.Leaves).Select(pair => $"{pair.Key} {pair.Value}"))}\n");
            }
        }

        Assert.NotEqual(0, steps);
    }

    /// <summary>EREMOVE that fails by order (run --inject leaf=EREMOVE): both lose the page for good, and the SECS that it holds.</summary>
    /// <remarks>In an EPC that is large enough: the kernel's driver does not survive that such a SECS is to be written out.</remarks>
    [KernelTheory]
    [InlineData(0, 400, 100)]
    [InlineData(1, 400, 8)]
    public void Pages_leak_alike(int library, int epcPages, int leaks)
    {
        using var world = new World(Library ?? s_libraries.Value[library], epcPages, seed: 1, hasMishaps: false, leaks);
        world.Run(1500);
        Assert.NotEmpty(world.Counts);
    }

    /// <summary>Seeds that differed once.</summary>
    /// <remarks>
    /// 3: a fault in an EPC with next to nothing to evict left ksgxd awake, and it took the page that had just come in; so did debug
    /// access.
    /// </remarks>
    [KernelTheory]
    [InlineData(30, 3, 2300)]
    public void They_do_the_same_where_they_did_not(int epcPages, int seed, int steps)
    {
        using var world = new World(Library ?? s_libraries.Value[0], epcPages, seed, hasMishaps: false);
        world.Run(steps);
        Assert.NotEmpty(world.Counts);
    }
}
