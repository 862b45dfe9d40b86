using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Engine;

/// <summary>Notes the pages whose EPCM entry a leaf changed, so that what the process can really reach follows.</summary>
internal sealed class EpcmWatcher(EpcMemory memory) : IMachineObserver
{
    private readonly List<EpcPage> _changed = [];

    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
        if (leaf is EnclsLeaf.Emodpr or EnclsLeaf.Emodt or EnclsLeaf.Eblock)
        {
            _changed.Add(page);
            if (memory.PlaceOf(page) is (var file, var offset))
            {
                foreach (AddressSpace space in file.AddressSpaces)
                {
                    space.Fast?.Invalidate(file.Base + offset);
                }
            }
        }
    }

    /// <summary>Makes the changes real.</summary>
    public void Apply()
    {
        foreach (EpcPage page in _changed)
        {
            if (memory.PlaceOf(page) is not (var file, var offset))
            {
                continue;
            }

            foreach (AddressSpace space in file.AddressSpaces)
            {
                space.Refresh(file, offset);
            }
        }

        _changed.Clear();
    }
}
