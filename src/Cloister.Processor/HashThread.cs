using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Cloister.Processor;

/// <summary>
/// Hashes on a thread of its own once there is much to hash, so that reading pages and laying out records costs no time: SHA-256 is a
/// chain, and nothing but the hash can be the bottleneck. A fixed set of buffers goes round, so memory stays flat.
/// </summary>
/// <param name="starting">Called first on that thread; null for nothing.</param>
public sealed class HashThread(Action? starting = null) : IMeasurementSink
{
    /// <summary>Bytes that a measurement should gather for it.</summary>
    public const int Capacity = 16 * Measurement.PageRecords;

    private const int Buffers = 8;

    // What is done sooner than a thread is started.
    private const int Little = 16 * Capacity;

    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly BlockingCollection<byte[]> free = new(Buffers);
    private readonly BlockingCollection<(byte[] Records, int Length)> full = new(Buffers);
    private readonly ManualResetEventSlim drained = new();
    private Thread? thread;
    private long appended;

    /// <inheritdoc/>
    public byte[] Append(byte[] records, int length)
    {
        ArgumentNullException.ThrowIfNull(records);
        appended += length;
        if (thread is null && (appended <= Little || Environment.ProcessorCount == 1))
        {
            hash.AppendData(records, 0, length);
            return records;
        }

        if (thread is null)
        {
            Start(records.Length);
        }

        full.Add((records, length));
        return free.Take();
    }

    /// <inheritdoc/>
    public void Digest(Span<byte> mrenclave)
    {
        if (thread is not null)
        {
            // No bytes: the thread answers when it has done all that came before.
            drained.Reset();
            full.Add(([], 0));
            drained.Wait();
        }

        hash.GetCurrentHash(mrenclave);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        full.CompleteAdding();
        thread?.Join();
        hash.Dispose();
        free.Dispose();
        full.Dispose();
        drained.Dispose();
    }

    private void Start(int capacity)
    {
        // One more is with the measurement.
        for (int i = 1; i < Buffers; i++)
        {
            free.Add(new byte[capacity]);
        }

        thread = new Thread(Run) { IsBackground = true, Name = "SHA-256" };
        thread.Start();
    }

    private void Run()
    {
        starting?.Invoke();
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
