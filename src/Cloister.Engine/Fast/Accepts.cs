using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Programs;
using Cloister.Engine.Stubs;
using Cloister.Processor;
using Cloister.Processor.Encls;
using Cloister.Processor.Enclu;

namespace Cloister.Engine.Fast;

/// <summary>EACCEPTs that threads make by themselves: which pages they may accept so, and what the model makes of it
/// at the next stop.</summary>
/// <remarks>
/// A page that EACCEPT found missing is added as the fault asks. When the same thread goes on with the page behind it, some more are
/// promised: its EACCEPTs of them need no fault, and EAUG and EACCEPT are done in the model when the tracer reads of them. Nothing can come
/// between, for nobody can reach such a page before: it is not mapped. The kernel might have added the pages ahead as well.
/// </remarks>
internal sealed class Accepts(SgxMachine machine, ISgxDriver driver, EpcMemory epc, RunningIoctls ioctls, FastSpaces spaces,
    Observation observed) : IPageObserver
{
    private const int FewestAhead = 8, MostAhead = FastLayout.NotesLength;

    private readonly List<PagesAhead> _ahead = [];
    private readonly Dictionary<TracedThread, PagesAhead> _last = []; // the row of pages that a thread accepts

    /// <summary>The first EACCEPT of a thread in an enclave: from now on its threads may do it by themselves.</summary>
    public void Prepare(TracedThread thread)
    {
        AddressSpace space = thread.Space;
        if (space.Native.ByProtection || spaces.Of(space) is not { } fast
            || space.Mappings.Find(thread.Processor.Tcs.Value) is not { File: { Enclave: { } enclave } file }
            || spaces.Awaited.Of(file) is not null || fast.Awaited.Take(thread, enclave.Base.Value,
                Math.Min(enclave.Size, (ulong)EnclaveFile.FileLength - enclave.Base.Value)) is not { } table)
        {
            return;
        }

        fast.Awaited.Add(file, table);
        for (int i = 0; i < epc.UsedCount; i++)
        {
            var page = new EpcPage(i);
            if (epc.PlaceOf(page) is (var owner, var offset) && owner == file)
            {
                spaces.Awaited.Update(machine, file, page, offset);
            }
        }
    }

    /// <summary>The model follows the EACCEPTs that a thread made by itself. The gate must be shut.</summary>
    public void Follow(TracedThread thread, FastPath path)
    {
        ReadOnlySpan<ulong> pages = path.TakeAccepted(thread);
        if (pages.IsEmpty)
        {
            return;
        }

        observed.Observer.Following(thread);
        for (int i = 0; i < pages.Length;)
        {
            int run = 1;
            while (i + run < pages.Length && pages[i + run] == pages[i] + (ulong)run * 4096)
            {
                run++;
            }

            FollowRun(thread, pages.Slice(i, run));
            i += run;
        }

        observed.Observer.Following(null);
    }

    /// <summary>A page was added because EACCEPT asked for it: if it is the next of a row, those behind it are promised.</summary>
    public void Promise(TracedThread thread, ulong page)
    {
        AddressSpace space = thread.Space;
        PagesAhead last = _last.GetValueOrDefault(thread, PagesAhead.None);
        bool inRow = last.File is not null && page > last.Start && page <= last.End;
        ulong count = inRow ? Math.Clamp((last.End - last.Start) / 4096 * 2, FewestAhead, MostAhead) : 0;
        _ = Close(last);
        _ = _last.Remove(thread);
        if (space.Mappings.Find(page) is not { File: { Enclave: { } enclave } file } mapping || spaces.Awaited.Of(file) is not { } table
            || ioctls.Any
            || enclave.Attributes.HasFlag(AttributeFlags.AexNotify))
        {
            // With AEX-Notify the enclave hears of each exit: there must be one.
            return;
        }

        var start = new LinearAddress(page + 4096);
        int most = (int)Math.Min(count, (mapping.End - page) / 4096 - 1);
        int run = most > 0 && driver.Ahead is { } able ? able.PagesToAdd(enclave, start, Math.Min(most, Spare)) : 0;
        for (int i = 0; i < run; i++)
        {
            Volatile.Write(ref table[start.Value + (ulong)i * 4096 - file.Base], (ushort)Eaug.AddedPage);
        }

        var ahead = new PagesAhead(file, page, page + (ulong)run * 4096 + 4096);
        _last[thread] = ahead;
        if (run > 0)
        {
            _ahead.Add(ahead);
        }
    }

    /// <summary>Takes all promises back that are not used: before anything that could break them.</summary>
    public void Withdraw()
    {
        foreach (PagesAhead ahead in _ahead.ToArray())
        {
            _ = Close(ahead);
        }
    }

    /// <summary>Takes the promises back when the EPC is not large enough for them any more.</summary>
    public void Check()
    {
        if (_ahead.Count > 0 && Spare < 0)
        {
            Withdraw();
        }
    }

    /// <summary>Takes a thread's promises back.</summary>
    public void Forget(TracedThread thread)
    {
        if (_last.Remove(thread, out PagesAhead last))
        {
            _ = Close(last);
        }
    }

    /// <inheritdoc/>
    public void Releasing(EnclaveFile file) => Withdraw();

    // Pages that can be added without anything being evicted, beyond those that are promised.
    private int Spare => (driver.Ahead?.SparePages ?? 0) - _ahead.Sum(ahead => (int)((ahead.End - ahead.Start) / 4096));

    private bool Close(PagesAhead ahead)
    {
        if (_ahead.Count == 0 || !_ahead.Remove(ahead))
        {
            return false;
        }

        for (ulong page = ahead.Start; page < ahead.End; page += 4096)
        {
            if (ahead.File is { Enclave: { } enclave } file && spaces.Awaited.Of(file) is { } table
                && !driver.HasPage(enclave, new LinearAddress(page)))
            {
                table.Withdraw(page - file.Base);
            }
        }

        return true;
    }

    private void FollowRun(TracedThread thread, ReadOnlySpan<ulong> pages)
    {
        AddressSpace space = thread.Space;
        while (pages.Length > 0)
        {
            if (space.Mappings.Find(pages[0]) is not { File: { Enclave: { } enclave } file } mapping || spaces.Awaited.Of(file) is null)
            {
                // No stub has noted that, but the program itself.
                pages = pages[1..];
                continue;
            }

            ReadOnlySpan<ulong> part = pages[..(int)Math.Min((ulong)pages.Length, (mapping.End - pages[0]) / 4096)];
            bool isThere = driver.HasPage(enclave, new LinearAddress(part[0]));
            if (!isThere)
            {
                file.Populate(mapping.OffsetOf(part[0]), part.Length);
            }

            foreach (ulong page in part)
            {
                var address = new LinearAddress(page);
                if (!space.Pages.Peek(page).Present
                    && driver.Fault(enclave, space, address, AccessKind.Read, (Protection)mapping.Protection) != VmFault.NoPage)
                {
                    continue;
                }

                EpcPage accepted = space.Pages.Peek(page).Page;
                if (Eaccept.Awaited(machine, accepted) != SecinfoFlags.None)
                {
                    Eaccept.Follow(machine, thread.Processor, address, accepted);
                }
            }

            foreach (IFileView other in file.Views)
            {
                other.Refresh(file, mapping.OffsetOf(part[0]), part.Length);
            }

            pages = pages[part.Length..];
        }
    }
}
