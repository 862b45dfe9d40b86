using Cloister.Engine.Memory;
using Cloister.Engine.Programs;

namespace Cloister.Engine.Fast;

/// <summary>The tables of awaited pages that an address space has mapped: of its enclaves, and those that enclaves before had.</summary>
/// <param name="all">Those of all address spaces.</param>
internal sealed class MappedTables(AwaitedTables all) : IDisposable
{
    private readonly Dictionary<ulong, (EnclaveFile File, AwaitedPages Table)> _used = [];
    private readonly List<AwaitedPages> _spare = [];

    /// <summary>A table for an enclave, one that another enclave had if it is large enough; null when there is none to be had.</summary>
    public AwaitedPages? Take(TracedThread thread, ulong start, ulong size)
    {
        if (_spare.Find(table => table.Fits(size)) is not { } spare)
        {
            return AwaitedPages.Create(thread, start, size);
        }

        _ = _spare.Remove(spare);
        spare.Begin(start, size);
        return spare;
    }

    /// <summary>Threads in an enclave may accept its pages by themselves from now on, as a table says.</summary>
    public void Add(EnclaveFile file, AwaitedPages table)
    {
        all.Add(file, table);
        _used[file.Base] = (file, table);
    }

    /// <summary>An enclave is gone; its table may serve another.</summary>
    public void Forget(EnclaveFile file)
    {
        if (_used.TryGetValue(file.Base, out (EnclaveFile File, AwaitedPages Table) known) && known.File == file)
        {
            _ = _used.Remove(file.Base);
            all.Remove(file);
            known.Table.End();
            _spare.Add(known.Table);
        }
    }

    /// <summary>Where the program has the table of the enclave at a base; 0 where there is none.</summary>
    public ulong AddressOf(ulong enclave) => _used.TryGetValue(enclave, out (EnclaveFile File, AwaitedPages Table) known)
        ? known.Table.Address : 0;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((EnclaveFile file, AwaitedPages table) in _used.Values)
        {
            all.Remove(file);
            table.Dispose();
        }

        _spare.ForEach(table => table.Dispose());
    }
}
