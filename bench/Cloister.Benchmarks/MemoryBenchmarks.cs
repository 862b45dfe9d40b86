using BenchmarkDotNet.Attributes;
using Cloister.Processor;

namespace Cloister.Benchmarks;

/// <summary>A machine of 1 Mi pages: the column Allocated, divided by 1,048,576, is what the model keeps of a page.</summary>
[MemoryDiagnoser]
public class MemoryBenchmarks
{
    private readonly SharedPages _pages = new(1 << 20);

    /// <summary>The model without the pages' own bytes.</summary>
    [Benchmark(Description = "a machine of 1 Mi EPC pages")]
    public SgxMachine Machine() => new(new MachineOptions(), _pages);
}
