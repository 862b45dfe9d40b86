using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Memory;

/// <summary>Ordinary memory that a program has inside the range of an enclave: a thread inside cannot reach it. SDM
/// 3D, "Access-control Requirements".</summary>
/// <remarks>
/// Loaders reserve the whole range without any right, so there is hardly ever any, and nothing is done then. Where
/// there is some it has no right while the process's one thread is inside, which is let in and out by the tracer alone. With more threads
/// it stays as it is: they have one view.
/// </remarks>
internal sealed class ElrangeMemory
{
    private readonly List<MapsLine> _lines = [];
    private bool _isShared; // there are several threads

    /// <summary>The program may have changed what there is.</summary>
    public bool IsStale { get; set; }

    /// <summary>It has no right now.</summary>
    public bool IsHidden { get; private set; }

    /// <summary>Entries and exits are the tracer's.</summary>
    public bool HoldsGates => IsStale || _lines.Count > 0 && !_isShared;

    /// <summary>The PROT_ bits that the program gave memory which is hidden now; null for all other.</summary>
    public int? HiddenProtection(ulong address) =>
        IsHidden ? _lines.Find(line => line.Contains(address))?.Protection : null;

    /// <summary>A mapping was made or changed, which matters where it is in the range of an enclave and not the device's.</summary>
    /// <param name="files">The device's open files.</param>
    /// <param name="space">Whose memory it is.</param>
    /// <param name="start">First byte of the mapping.</param>
    /// <param name="length">How many bytes.</param>
    public void Note(IEnumerable<EnclaveFile> files, AddressSpace space, ulong start, ulong length) =>
        IsStale |= Concerns(files, space, start, length);

    /// <summary>Whether a range is in the range of an enclave that an address space has mapped.</summary>
    public static bool Concerns(IEnumerable<EnclaveFile> files, AddressSpace space, ulong start, ulong length) =>
        space.Mappings.All.Count > 0 && files.Any(file => file.Enclave is { IsCreated: true } enclave
            && start < enclave.Base.Value + enclave.Size && start + length > enclave.Base.Value && file.Views.Contains(space));

    /// <summary>Brings the view to what a stopped thread needs before it runs on.</summary>
    /// <param name="files">The device's open files.</param>
    /// <param name="space">Its memory.</param>
    /// <param name="thread">The thread.</param>
    /// <param name="isInside">Whether it is inside an enclave.</param>
    /// <param name="isShared">Whether others have its memory.</param>
    /// <returns>Whether it has just been taken from a thread that is inside: its exit must be the tracer's.</returns>
    public bool Apply(IEnumerable<EnclaveFile> files, AddressSpace space, IHeldThread thread, bool isInside, Func<bool> isShared)
    {
        if (!IsStale && _lines.Count == 0)
        {
            return false;
        }

        if (IsStale && !IsHidden && !thread.AtSystemCall)
        {
            IsStale = false;
            Look(files, space, thread);
        }

        _isShared = isShared();
        bool hides = _lines.Count > 0 && !_isShared && isInside;
        if (hides == IsHidden || thread.AtSystemCall)
        {
            return false;
        }

        var calls = new RemoteCalls();
        foreach (MapsLine line in _lines)
        {
            calls.Add(SystemCall.Mprotect, line.Start, line.End - line.Start, hides ? MemoryProtection.None : (ulong)line.Protection);
        }

        IsHidden = hides;
        _ = calls.Run(thread);
        return hides;
    }

    private void Look(IEnumerable<EnclaveFile> files, AddressSpace space, IHeldThread thread)
    {
        _lines.Clear();
        (ulong Start, ulong End)[] ranges = [.. files
            .Where(file => file.Enclave is { IsCreated: true } && file.Views.Contains(space))
            .Select(file => (file.Base, file.Base + file.Enclave!.Size))];
        foreach (MapsLine line in HeldMappings.Of(thread))
        {
            // Cloister's own and the kernel's are not the program's to take away.
            if (line.Protection == MemoryProtection.None || line.Path.StartsWith("/memfd:cloister", StringComparison.Ordinal)
                || line.Path.StartsWith("[v", StringComparison.Ordinal))
            {
                continue;
            }

            foreach ((ulong start, ulong end) in ranges.Where(range => line.Start < range.End && range.Start < line.End))
            {
                _lines.Add(line with { Start = Math.Max(start, line.Start), End = Math.Min(end, line.End) });
            }
        }
    }
}
