using BenchmarkDotNet.Running;

namespace Cloister.Benchmarks;

/// <summary>
/// The model alone, without a process to run: leaves per second, bytes measured per second, memory of a page.
/// <c>dotnet run -c Release --project bench/Cloister.Benchmarks -- --filter '*'</c>; with <c>memory</c> it prints memory and ends.
/// </summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments is ["memory"])
        {
            ModelMemory.Print(Console.Out);
            return 0;
        }

        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(arguments);
        return 0;
    }
}
