using Cloister.Architecture;

namespace Cloister.Cli.Journal;

/// <summary>How often threads crossed the enclave's border at a TCS.</summary>
internal sealed class TcsCrossings
{
    private readonly SortedDictionary<EncluLeaf, int> _leaves = [];

    /// <summary>EENTER, ERESUME and EEXIT.</summary>
    public IReadOnlyDictionary<EncluLeaf, int> Leaves => _leaves;

    /// <summary>Asynchronous exits.</summary>
    public int Exits { get; private set; }

    /// <summary>All, in words.</summary>
    public IEnumerable<(string What, int Times)> All => _leaves.Select(leaf => (MachineNames.Of(leaf.Key), leaf.Value))
        .Concat(Exits > 0 ? [("AEX", Exits)] : []);

    /// <summary>Once more.</summary>
    public void Crossed(EncluLeaf leaf) => _leaves[leaf] = _leaves.GetValueOrDefault(leaf) + 1;

    /// <summary>An asynchronous exit more.</summary>
    public void Exited() => Exits++;
}
