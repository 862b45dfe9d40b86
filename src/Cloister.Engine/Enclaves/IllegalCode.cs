using Cloister.Engine.Instructions;
using Cloister.Engine.Memory;
using Cloister.Engine.Programs;

namespace Cloister.Engine.Enclaves;

/// <summary>Makes the illegal instructions of enclaves stop, and stand in their pages as the program wrote them: #UD handlers read them there.</summary>
/// <remarks>A breakpoint does both, and an address space has four. The other instructions are UD2 until they are executed; then they take
/// the breakpoint of the one that was executed longest ago, which becomes UD2 again.</remarks>
internal sealed class IllegalCode(Tracer tracer)
{
    private const int PageLength = 4096, Behind = InstructionAccess.MaximumLength;

    /// <summary>Finds the instructions in pages that are about to become executable.</summary>
    public void Guard(TracedThread thread, EnclaveMapping mapping, ulong start, ulong end)
    {
        byte[] code = new byte[PageLength + Behind];
        for (ulong page = start; page < end; page += PageLength)
        {
            int length = PageLength;
            mapping.File.Bytes(mapping.OffsetOf(page)).CopyTo(code);
            if (page + PageLength < end)
            {
                mapping.File.Bytes(mapping.OffsetOf(page + PageLength))[..Behind].CopyTo(code.AsSpan(PageLength));
                length += Behind;
            }

            GuardKnown(thread, mapping.File, page);
            foreach (int at in Find(code.AsSpan(0, length), PageLength))
            {
                ulong address = page + (ulong)at;
                if (mapping.File.IllegalSites.At(address) is null)
                {
                    var site = new IllegalSite(mapping.File, address, code[at + 1]);
                    mapping.File.IllegalSites.Add(site);
                    if (!IsRoom(mapping.File) || !Set(thread, mapping.File, site))
                    {
                        site.Replace();
                    }
                }
            }
        }
    }

    /// <summary>A page got its content. Where a program can still execute it, what is illegal is replaced before anything runs.</summary>
    public void Filled(EnclaveFile file, ulong page)
    {
        if (file.AddressSpaces.Exists(space => space.Pages.Peek(page).Executable))
        {
            Span<byte> bytes = file.Bytes(page - file.Base);
            foreach (int at in Find(bytes, PageLength))
            {
                var site = new IllegalSite(file, page + (ulong)at, bytes[at + 1]);
                site.Replace();
                file.IllegalSites.Add(site);
            }
        }
    }

    /// <summary>The instruction at which a thread stopped, when it is one of those.</summary>
    public static IllegalSite? At(AddressSpace space, ulong rip)
    {
        IllegalSite? site = space.Mappings.Find(rip)?.File.IllegalSites.At(rip);
        return site is { IsThere: true } ? site : null;
    }

    /// <summary>An instruction was executed: from now on it has a breakpoint and stands as it was written.</summary>
    public void Executed(TracedThread thread, IllegalSite site)
    {
        thread.Illegal = site;
        if (thread.Space.Mappings.Find(site.Address) is { } mapping && !site.IsGuarded)
        {
            _ = Set(thread, mapping.File, site);
        }
        else
        {
            thread.Space.Breakpoints.NoteUse(site);
        }
    }

    /// <summary>A SYSCALL was executed that nobody had found: it was written when its page was executable already.</summary>
    public void ExecutedUnknown(TracedThread thread, ulong rip)
    {
        Span<byte> code = stackalloc byte[2];
        if (thread.Space.Mappings.Find(rip) is not { } mapping || InstructionFetch.Read(thread.Space, rip, code) < code.Length
            || !EnclaveCode.IsIllegal(code, timestampsAllowed: true))
        {
            return;
        }

        if (mapping.File.IllegalSites.At(rip) is { } stale)
        {
            Forget(mapping.File, stale);
        }

        var site = new IllegalSite(mapping.File, rip, code[1]);
        mapping.File.IllegalSites.Add(site);
        thread.Illegal = site;
        if (!Set(thread, mapping.File, site))
        {
            site.Replace();
        }
    }

    /// <summary>A breakpoint was hit where other code stands now.</summary>
    public static void Stale(AddressSpace space, ulong rip)
    {
        if (space.Mappings.Find(rip) is { } mapping && mapping.File.IllegalSites.At(rip) is { } site)
        {
            Forget(mapping.File, site);
        }
    }

    private List<int> Find(ReadOnlySpan<byte> code, int length) => EnclaveCode.Find(code, length, tracer.Machine.Options.Sgx2);

    private static void Forget(EnclaveFile file, IllegalSite site)
    {
        file.IllegalSites.Remove(site);
        file.Unguard(site);
    }

    // Instructions that were found by another address space, which shares the pages.
    private void GuardKnown(TracedThread thread, EnclaveFile file, ulong page)
    {
        foreach (IllegalSite site in file.IllegalSites.In(page).ToArray())
        {
            if (!site.IsThere)
            {
                Forget(file, site);
            }
            else if (site.IsGuarded && !thread.Space.Breakpoints.Contains(site.Address))
            {
                if (!Set(thread, file, site))
                {
                    file.Unguard(site);
                    site.Replace();
                }
            }
        }
    }

    private static bool IsRoom(EnclaveFile file) => file.AddressSpaces.TrueForAll(space => !space.Breakpoints.AreAll);

    // The breakpoint is everywhere before the byte is: no thread of these address spaces runs in between.
    private bool Set(TracedThread thread, EnclaveFile file, IllegalSite site)
    {
        if (file.AddressSpaces.Exists(space => space.Breakpoints.AreRefused))
        {
            return false;
        }

        foreach (AddressSpace space in file.AddressSpaces)
        {
            if (!space.Breakpoints.Contains(site.Address))
            {
                if (space.Breakpoints.AreAll)
                {
                    // What another thread's handler may be about to read goes last.
                    IllegalSite oldest = space.Breakpoints.Sites.FirstOrDefault(set => !tracer.Processes.Threads.Any(other => other != thread && other.Illegal == set))
                        ?? space.Breakpoints.Sites[0];
                    oldest.Replace();
                    foreach (AddressSpace other in tracer.Files.Spaces)
                    {
                        other.Breakpoints.Remove(oldest);
                    }
                }

                space.Breakpoints.Add(site);
            }
        }

        var held = new List<IDisposable>();
        try
        {
            foreach (AddressSpace space in file.AddressSpaces)
            {
                held.Add(tracer.Interruptions.HoldAll(space, except: thread));
            }

            foreach (TracedThread other in tracer.Processes.Threads.ToArray())
            {
                // One that waits in vfork, or has not stopped for the first time yet, is written to when it stops.
                if (other.Stopped && file.AddressSpaces.Contains(other.Space) && !other.WriteBreakpoints())
                {
                    file.Unguard(site);
                    tracer.Notice("the kernel gives no execution breakpoints: an enclave that reads its own code finds UD2 where it has CPUID or SYSCALL");
                    return false;
                }
            }

            site.PutBack();
            return true;
        }
        finally
        {
            held.ForEach(hold => hold.Dispose());
        }
    }
}
