using System.Collections;

namespace Cloister.Images;

// A sequence that is made anew for each who enumerates it.
internal sealed class Enumerated(Func<IEnumerable<PageRun>> make) : IEnumerable<PageRun>
{
    public IEnumerator<PageRun> GetEnumerator() => make().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
