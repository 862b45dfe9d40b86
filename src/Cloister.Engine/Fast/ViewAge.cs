using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;

namespace Cloister.Engine.Fast;

/// <summary>Strict isolation: how often the enclaves were shown since what is shown was looked at.</summary>
/// <remarks>To show and hide a page that is there takes some 60 ns, and to bring it back when it was dropped a stop: what is not used over
/// hundreds of entries goes. Of a large enclave of which an entry touches little nearly all goes soon.</remarks>
internal sealed class ViewAge
{
    private const int MostEntries = 512, FewestEntries = 8, PagesShown = 32768, FewPages = 64, LongestPatience = 64;
    private int _patience = 1, _waited, _dropped, _present;
    private long _mapped;

    /// <summary>How often they may be shown until the next look.</summary>
    public int Budget { get; set; } = MostEntries;

    /// <summary>Lowers the budget where many pages have come since the last look.</summary>
    public void Limit(AddressSpace space) => Budget = Math.Min(Budget, BudgetOf(_present + (space.Native.Mapped - _mapped)));

    /// <summary>They are about to be shown: whether it is time to look what is of use; the pages that are there are dropped then.</summary>
    /// <param name="space">Whose.</param>
    /// <param name="calls">Takes the calls that drop them.</param>
    public bool IsDue(AddressSpace space, RemoteCalls calls)
    {
        if (Budget-- > 0)
        {
            return false;
        }

        int pages = space.Native.CountPresent();
        (_present, _mapped) = (pages, space.Native.Mapped);
        if (pages >= FewPages)
        {
            if (_waited == 0 && _dropped > 0)
            {
                // Most of them came back: so many are in use.
                _patience = pages > _dropped / 2 ? Math.Min(_patience * 2, LongestPatience) : 1;
            }

            if (++_waited >= _patience)
            {
                space.Native.AddDropAllCalls(calls);
                (_dropped, _waited, _present) = (pages, 0, 0);
            }
        }

        Budget = BudgetOf(_present);
        return true;
    }

    private static int BudgetOf(long pages) => (int)Math.Clamp(PagesShown / Math.Max(pages, 1), FewestEntries, MostEntries);
}
