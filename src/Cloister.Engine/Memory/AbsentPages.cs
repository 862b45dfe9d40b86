using Cloister.Architecture;
using Cloister.Engine.Platforms;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Memory;

/// <summary>Pages that a process still has though the driver no longer allows it: their page-table entries go, and the bytes
/// stay where they are.</summary>
internal sealed class AbsentPages(IFileView space, MappingList mappings, PageTable pages, SgxMachine machine)
{
    private readonly SortedSet<ulong> _noted = [];
    private readonly List<(ulong Start, ulong End)> _dropped = [];

    /// <summary>Whether some go by calls in the program.</summary>
    public bool NeedsCalls => _dropped.Count > 0;

    /// <summary>Pages in a row are not to be there any more.</summary>
    public void Note(ulong start, int count)
    {
        for (int i = 0; i < count; i++)
        {
            _ = _noted.Add(start + (ulong)i * 4096);
        }
    }

    /// <summary>Takes them away, but for those that are allowed again or have gone with their memory.</summary>
    public void Flush()
    {
        ulong start = 0, end = 0;
        foreach (ulong page in _noted)
        {
            PageTableEntry entry = pages.Peek(page);
            if ((entry.AllowedBy(machine) & SecinfoFlags.R) != 0 || entry.Native == NativeAccess.None)
            {
                continue;
            }

            if (page != end)
            {
                Drop(start, end);
                start = page;
            }

            end = page + 4096;
        }

        Drop(start, end);
        _noted.Clear();
    }

    /// <summary>The calls for those that go so.</summary>
    public void AddCalls(RemoteCalls calls)
    {
        const ulong dontNeed = 4;
        foreach (EnclaveMapping part in _dropped.SelectMany(range => mappings.Within(range.Start, range.End)))
        {
            calls.Add(SystemCall.Madvise, part.Start, part.End - part.Start, dontNeed);
            pages.SetNative(part.Start, (int)((part.End - part.Start) / 4096), NativeAccess.None);
        }

        _dropped.Clear();
    }

    private void Drop(ulong start, ulong end)
    {
        // A call in the program costs as much as a few pages one by one.
        const ulong many = 8 * 4096;
        if (end - start >= many && mappings.Find(start) is { File.Views.Count: 1 } whole && end <= whole.End)
        {
            _dropped.Add((start, end));
            return;
        }

        for (ulong page = start; page < end; page += 4096)
        {
            if (mappings.Find(page) is not { } mapping)
            {
                continue;
            }

            // Other address spaces lose their entry too, so their writers are stopped first and they fault it in again.
            foreach (IFileView other in mapping.File.Views)
            {
                other.StopWriters(page);
            }

            mapping.File.Unmap(mapping.OffsetOf(page));
            foreach (IFileView other in mapping.File.Views)
            {
                if (other != space)
                {
                    other.Refresh(page);
                }
            }
        }
    }
}
