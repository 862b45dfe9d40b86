using Cloister.Architecture;
using Cloister.Linux;

namespace Cloister.Host;

/// <summary>
/// What was built and initialised: its range and mappings, how it is entered, and who still uses it. It knows none of its threads.
/// </summary>
internal sealed class LoadedEnclave : IDisposable
{
    private volatile bool _disposed;

    public LoadedEnclave(
        EnclaveDevice device,
        EnclaveRange range,
        Sigstruct sigstruct,
        Mrenclave mrenclave,
        IReadOnlyList<ulong> threads,
        IEnumerable<(ulong Offset, ulong Length, PageAccess Access)> mappings,
        EntryMethod method)
    {
        Entry = EntryFor(method);
        Device = device;
        Range = range;
        Sigstruct = sigstruct;
        Mrenclave = mrenclave;
        Threads = threads;
        DriveOut = new DriveOut(range);
        foreach ((ulong offset, ulong length, PageAccess access) in mappings)
        {
            Map(offset, length, access, populate: false);
        }
    }

    public EnclaveDevice Device { get; }

    public EnclaveRange Range { get; }

    public Sigstruct Sigstruct { get; }

    public Mrenclave Mrenclave { get; }

    /// <summary>Where its TCSs are: bytes from the beginning.</summary>
    public IReadOnlyList<ulong> Threads { get; }

    public EnclaveEntry Entry { get; }

    public DriveOut DriveOut { get; }

    public LinearAddress BaseAddress => new(Range.Address);

    public ulong Size => Range.Length;

    /// <summary>Throws when it is disposed, in the name of whom the program knows.</summary>
    public void ThrowIfDisposed()
    {
        if (_disposed)
        {
            throw Disposed();
        }
    }

    /// <summary>What is thrown then.</summary>
    public static ObjectDisposedException Disposed() => new($"{nameof(Cloister)}.{nameof(Host)}.{nameof(Enclave)}");

    /// <summary>Keeps the mappings while something uses them, whoever disposes the enclave meanwhile.</summary>
    public Use BeginUse()
    {
        ThrowIfDisposed();
        if (DriveOut.Lost is { } reason)
        {
            throw new EnclaveLostException($"the enclave is lost: {reason}; build it anew");
        }

        bool held = false;
        Range.DangerousAddRef(ref held);
        return new Use(Range);
    }

    public void Map(ulong offset, ulong length, PageAccess access, bool populate) =>
        EnclaveOperationException.ThrowIf(Operations.Map,
            DriveOut.Change(() => Range.Map(Device.File, offset, length, (int)access, populate),
                areas => areas.Set(offset, length, access)));

    /// <summary>Its pages are freed when the last that uses it is done.</summary>
    public void Dispose()
    {
        // The handle of the mappings counts who is inside; it takes new users until the last has left, and this does not.
        _disposed = true;
        Range.Dispose();
        Device.Dispose();
    }

    private static EnclaveEntry EntryFor(EntryMethod method) => method switch
    {
        EntryMethod.Inline => InlineEntry.Instance,
        EntryMethod.Automatic => (EnclaveEntry?)VdsoEntry.Instance ?? InlineEntry.Instance,
        _ => VdsoEntry.Instance
            ?? throw new SgxUnavailableException(
                $"the vDSO has no {VdsoLookup.SgxEnterEnclave}: it needs Linux 5.11 or later with SGX; {nameof(EntryMethod)}.{nameof(EntryMethod.Inline)} does without", Errno.None),
    };

    internal readonly struct Use(EnclaveRange range) : IDisposable
    {
        public void Dispose() => range.DangerousRelease();
    }
}
