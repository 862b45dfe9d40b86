using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using Cloister.Architecture;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Benchmarks;

/// <summary>Measuring 64 pages; MB/s is <see cref="MeasuredBytes"/> divided by the mean.</summary>
[MemoryDiagnoser]
public class MeasurementBenchmarks
{
    private const int Pages = 64, RecordBytes = 64, ChunkBytes = 256;
    private readonly byte[] _plain = new byte[MeasuredBytes];
    private SgxMachine _machine = null!;
    private ModelEnclave _enclave = null!;

    /// <summary>What 64 pages put into MRENCLAVE: the record of EADD, and 16 records and chunks of EEXTEND, each.</summary>
    public static int MeasuredBytes => Pages * (RecordBytes + (LinearAddress.PageSize / ChunkBytes * (RecordBytes + ChunkBytes)));

    /// <summary>An enclave that is not initialised.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _machine = new SgxMachine(new MachineOptions(), new ArrayEpcMemory(Pages + 1));
        _enclave = new ModelEnclave(_machine, 1 << 20);
        Random.Shared.NextBytes(_plain);
    }

    /// <summary>EADD, EEXTEND of the whole page, and EREMOVE so that it can be added again.</summary>
    [Benchmark(Description = "64 times EADD, EEXTEND, EREMOVE")]
    public void Measure()
    {
        for (int page = 1; page <= Pages; page++)
        {
            var at = new EpcPage(page);
            _enclave.Add(at, (ulong)page * LinearAddress.PageSize);
            _enclave.Extend(at);
            ModelEnclave.Expect(Eremove.Execute(_machine, at));
        }
    }

    /// <summary>The hash alone, over as many bytes: the floor.</summary>
    [Benchmark(Baseline = true, Description = "SHA-256 of as many bytes")]
    public byte[] Hash() => SHA256.HashData(_plain);
}
