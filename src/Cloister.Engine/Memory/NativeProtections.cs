using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Memory;

/// <summary>The pages whose presence is made by mprotect in the program, for want of a userfaultfd, and the calls that make it.</summary>
internal sealed class NativeProtections(MappingList mappings, PageTable pages)
{
    private readonly SortedSet<ulong> _pages = [];

    /// <summary>Whether no page's protection has to be made anew.</summary>
    public bool IsEmpty => _pages.Count == 0;

    /// <summary>A page's real protection has to be made anew.</summary>
    public void Note(ulong page) => _pages.Add(page);

    /// <summary>The calls that do it.</summary>
    /// <param name="calls">Where they go.</param>
    /// <param name="all">For all pages that are present, noted or not.</param>
    public void AddCalls(RemoteCalls calls, bool all)
    {
        if (all)
        {
            foreach (EnclaveMapping mapping in mappings.All)
            {
                foreach (ulong page in pages.Within(mapping.Start, mapping.End))
                {
                    if (pages.Peek(page).Native != NativeAccess.None)
                    {
                        Note(page);
                    }
                }
            }
        }

        ulong start = 0, end = 0;
        int protection = 0;
        foreach (ulong page in _pages)
        {
            if (mappings.Find(page) is null)
            {
                // Taken away since.
                continue;
            }

            int wanted = ProtectionOf(page);
            if (page != end || wanted != protection)
            {
                Emit();
                (start, protection) = (page, wanted);
            }

            end = page + 4096;
        }

        Emit();
        _pages.Clear();

        void Emit()
        {
            if (end > start)
            {
                calls.Add(SystemCall.Mprotect, start, end - start, (ulong)protection);
            }
        }
    }

    // PROT_ bits.
    private int ProtectionOf(ulong page)
    {
        PageTableEntry entry = pages.Peek(page);
        if (entry.Native == NativeAccess.None || mappings.Find(page) is not { } mapping)
        {
            return MemoryProtection.None;
        }

        int bits = MemoryProtection.Read | (entry.Native == NativeAccess.ReadWrite ? MemoryProtection.Write : 0)
            | (entry.Executable ? MemoryProtection.Execute : 0);
        return bits & mapping.Protection;
    }
}
