using Cloister.Engine.Devices;
using Cloister.Engine.Instructions;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Processor;

namespace Cloister.Engine.Enclaves;

/// <summary>Makes the illegal instructions of enclaves stop, and stand in their pages as the program wrote them: #UD
/// handlers read them there.</summary>
/// <remarks>A breakpoint does both, and an address space has four. The other instructions are UD2 until they are executed; then they take
/// the breakpoint of the one that was executed longest ago, which becomes UD2 again.</remarks>
internal sealed class IllegalCode(SgxMachine machine, DeviceFiles files, Processes processes, Interruptions interruptions,
    IPlatform platform, Action<string> notice) : IPageObserver
{
    private const int PageLength = 4096, Behind = InstructionAccess.MaximumLength;

    // What a thread executed last, which its enclave may be looking at.
    private readonly Dictionary<TracedThread, IllegalSite> _last = [];

    /// <summary>Hears of pages that are about to become executable: who executes there first, first byte, and behind the last.</summary>
    public Action<TracedThread, ulong, ulong>? OnExecutable { get; set; }

    /// <summary>Hears of them when they are as they will be executed: their mapping too.</summary>
    public Action<TracedThread, EnclaveMapping, ulong, ulong>? OnGuarded { get; set; }

    /// <summary>Hears of such an instruction that a thread executes.</summary>
    public Action<TracedThread, ulong>? OnExecuted { get; set; }

    /// <summary>Finds the instructions in pages that are about to become executable.</summary>
    public void Guard(TracedThread thread, EnclaveMapping mapping, ulong start, ulong end)
    {
        OnExecutable?.Invoke(thread, start, end);
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

        OnGuarded?.Invoke(thread, mapping, start, end);
    }

    /// <summary>A thread has ended.</summary>
    public void Forget(TracedThread thread) => _last.Remove(thread);

    /// <summary>A page got its content. Where a program can still execute it, what is illegal is replaced before anything runs.</summary>
    public void Filled(EnclaveFile file, ulong page)
    {
        if (files.SpacesOf(file).Any(space => space.Pages.Peek(page).Executable))
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
        _last[thread] = site;
        OnExecuted?.Invoke(thread, site.Address);
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
        if (thread.Space.Mappings.Find(rip) is not { } mapping || thread.Space.ReadCode(rip, code) < code.Length
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
        _last[thread] = site;
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

    private List<int> Find(ReadOnlySpan<byte> code, int length) => EnclaveCode.Find(code, length, machine.Options.Sgx2);

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

    private bool IsRoom(EnclaveFile file) => files.SpacesOf(file).All(space => !space.Breakpoints.AreAll);

    // The breakpoint is everywhere before the byte is: no thread of these address spaces runs in between.
    private bool Set(TracedThread thread, EnclaveFile file, IllegalSite site)
    {
        if (files.SpacesOf(file).Any(space => space.Breakpoints.AreRefused))
        {
            return false;
        }

        foreach (AddressSpace space in files.SpacesOf(file).ToArray())
        {
            if (!space.Breakpoints.Contains(site.Address))
            {
                if (space.Breakpoints.AreAll)
                {
                    // What another thread's handler may be about to read goes last.
                    IllegalSite oldest = space.Breakpoints.Sites.FirstOrDefault(
                        set => !processes.Threads.Any(other => other != thread && _last.GetValueOrDefault(other) == set))
                        ?? space.Breakpoints.Sites[0];
                    oldest.Replace();
                    foreach (AddressSpace other in files.Spaces)
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
            foreach (AddressSpace space in files.SpacesOf(file).ToArray())
            {
                held.Add(interruptions.HoldAll(space, except: thread));
            }

            foreach (TracedThread other in processes.Threads.ToArray())
            {
                // One that waits in vfork, or has not stopped for the first time yet, is written to when it stops.
                if (other.Stopped && file.Views.Contains(other.Space) && !platform.WriteBreakpoints(other.Held))
                {
                    file.Unguard(site);
                    notice("the kernel gives no execution breakpoints: "
                        + "an enclave that reads its own code finds UD2 where it has CPUID or SYSCALL");
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
