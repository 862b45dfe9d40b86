using Cloister.Architecture;
using Cloister.Engine.Memory;
using Cloister.Processor;

namespace Cloister.Engine.Fast;

/// <summary>The tables of the enclaves whose pages threads may accept by themselves.</summary>
internal sealed class AwaitedTables
{
    private readonly Dictionary<EnclaveFile, AwaitedPages> _tables = [];

    /// <summary>The table of an enclave; null while its threads accept no page by themselves.</summary>
    public AwaitedPages? Of(EnclaveFile file) => _tables.GetValueOrDefault(file);

    /// <summary>An enclave has one from now on.</summary>
    public void Add(EnclaveFile file, AwaitedPages table) => _tables[file] = table;

    /// <summary>An enclave has none any more.</summary>
    public void Remove(EnclaveFile file) => _tables.Remove(file);

    /// <summary>Takes over what the model says of a page: only where EACCEPT could reach it, whose page walk comes first.</summary>
    public void Update(SgxMachine machine, EnclaveFile file, EpcPage page, ulong offset)
    {
        if (Of(file) is not { } table)
        {
            return;
        }

        if (file.Views.TrueForAll(view => view.Reaches(file, file.Base + offset)))
        {
            table.Update(machine, page, offset);
        }
        else
        {
            table.Withdraw(offset);
        }
    }

    /// <summary>A range cannot be reached any more as it was: what happens to its pages is the tracer's to look at.</summary>
    public void Withdraw(EnclaveFile file, ulong start, ulong end)
    {
        if (Of(file) is { } table && file.Enclave is { } enclave && start < file.Base + enclave.Size && end > file.Base)
        {
            ulong first = Math.Max(start, file.Base) - file.Base;
            table.Withdraw(first, Math.Min(end - file.Base, enclave.Size) - first);
        }
    }
}
