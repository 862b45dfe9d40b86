using System.Collections.Concurrent;
using System.Security.Cryptography;
using Cloister.Processor;

namespace Cloister.Images;

/// <summary>
/// Hashes on a thread of its own, so that reading the file and laying out records costs no time: SHA-256 is a chain, and
/// nothing but the hash can be the bottleneck. A fixed set of buffers goes round, so memory stays flat.
/// </summary>
internal sealed class HashThread : IMeasurementSink
{
    public const int Capacity = 64 * Measurement.PageRecords;

    private const int Buffers = 4;

    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly BlockingCollection<byte[]> free = new(Buffers);
    private readonly BlockingCollection<(byte[] Records, int Length)> full = new(Buffers);
    private readonly ManualResetEventSlim drained = new();
    private readonly Thread thread;

    public HashThread()
    {
        // One more is with the measurement.
        for (int i = 1; i < Buffers; i++)
        {
            free.Add(new byte[Capacity]);
        }

        thread = new Thread(Run) { IsBackground = true, Name = "SHA-256" };
        thread.Start();
    }

    public byte[] Append(byte[] records, int length)
    {
        full.Add((records, length));
        return free.Take();
    }

    public void Digest(Span<byte> mrenclave)
    {
        // No bytes: the thread answers when it has done all that came before.
        drained.Reset();
        full.Add(([], 0));
        drained.Wait();
        hash.GetCurrentHash(mrenclave);
    }

    public void Dispose()
    {
        full.CompleteAdding();
        thread.Join();
        hash.Dispose();
        free.Dispose();
        full.Dispose();
        drained.Dispose();
    }

    private void Run()
    {
        foreach ((byte[] records, int length) in full.GetConsumingEnumerable())
        {
            if (length == 0)
            {
                drained.Set();
                continue;
            }

            hash.AppendData(records, 0, length);
            free.Add(records);
        }
    }
}
