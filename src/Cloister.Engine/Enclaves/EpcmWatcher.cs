using Cloister.Architecture;
using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Processor;

namespace Cloister.Engine.Enclaves;

/// <summary>Notes the pages whose EPCM entry a leaf changed, so that what the process can really reach follows.</summary>
internal sealed class EpcmWatcher(EpcMemory memory, IPageObserver observer, AwaitedTables awaited) : IMachineObserver
{
    private readonly List<EpcPage> _changed = [];

    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
        bool changes = leaf is EnclsLeaf.Emodpr or EnclsLeaf.Emodt or EnclsLeaf.Eblock or EnclsLeaf.Eaug or EnclsLeaf.Eldu
            or EnclsLeaf.Elduc;
        if (!changes || memory.PlaceOf(page) is not (var file, var offset))
        {
            return;
        }

        _changed.Add(page);
        if (leaf is EnclsLeaf.Emodpr or EnclsLeaf.Emodt or EnclsLeaf.Eblock)
        {
            observer.Changed(file, offset);
        }
    }

    /// <summary>Makes the changes real.</summary>
    public void Apply(SgxMachine machine)
    {
        for (int i = 0; i < _changed.Count;)
        {
            if (memory.PlaceOf(_changed[i]) is not (var file, var offset))
            {
                i++;
                continue;
            }

            int run = 0;
            do
            {
                awaited.Update(machine, file, _changed[i + run], offset + (ulong)run * 4096);
                run++;
            }
            while (i + run < _changed.Count && memory.PlaceOf(_changed[i + run]) == (file, offset + (ulong)run * 4096));

            foreach (IFileView space in file.Views)
            {
                space.Refresh(file, offset, run);
            }

            i += run;
        }

        _changed.Clear();
    }
}
