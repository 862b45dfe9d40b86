using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>Counts how often leaves are executed that are to fail by order, and says when it is time.</summary>
internal sealed class LeafInjections(IReadOnlyList<InjectedLeaf> leaves)
{
    private readonly (InjectedLeaf Leaf, Occasions Occasions)[] _all = [
        .. leaves.Select(leaf => (leaf, new Occasions(leaf.First, leaf.Last)))];

    /// <summary>Whether a leaf may be meant.</summary>
    public bool Has(EncluLeaf leaf) => Array.Exists(_all, one => one.Leaf.Enclu == leaf);

    /// <summary>A leaf is executed. What is ordered of it, or null.</summary>
    public InjectedLeaf? Due(EnclsLeaf leaf) => _all.Length == 0 ? null : Due(one => one.Encls == leaf);

    /// <summary>A leaf is executed. What is ordered of it, or null.</summary>
    public InjectedLeaf? Due(EncluLeaf leaf) => _all.Length == 0 ? null : Due(one => one.Enclu == leaf);

    private InjectedLeaf? Due(Func<InjectedLeaf, bool> isMeant)
    {
        InjectedLeaf? due = null;
        foreach ((InjectedLeaf leaf, Occasions occasions) in _all)
        {
            if (isMeant(leaf) && occasions.Occur())
            {
                due ??= leaf;
            }
        }

        return due;
    }
}
