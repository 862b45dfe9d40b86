using Cloister.Architecture;
using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Memory;

/// <summary>Which pages of enclaves a process can really execute: those where mapping and EPCM allow it, once they
/// were looked at.</summary>
internal static class NativeExecution
{
    /// <summary>Makes pages natively executable: the run around an address in which mapping and EPCM both allow it.</summary>
    /// <param name="space">Whose.</param>
    /// <param name="thread">A stopped thread of it.</param>
    /// <param name="mapping">The mapping.</param>
    /// <param name="address">An address in it.</param>
    /// <param name="guard">Looks at the range before it can be executed: first byte, and behind the last.</param>
    public static void Grant(AddressSpace space, IHeldThread thread, EnclaveMapping mapping, ulong address, Action<ulong, ulong> guard)
    {
        bool Executes(ulong page)
        {
            return (space.AllowedBy(space.Pages.Peek(page)) & SecinfoFlags.X) != 0;
        }

        ulong start = HostPage.Start(address), end = start + 4096;
        while (start > mapping.Start && Executes(start - 4096))
        {
            start -= 4096;
        }

        while (end < mapping.End && Executes(end))
        {
            end += 4096;
        }

        // First: other threads may execute them as soon as they can.
        guard(start, end);
        if (!space.Native.ByProtection)
        {
            _ = new RemoteCalls().Add(SystemCall.Mprotect, start, end - start, (ulong)mapping.Protection).Run(thread);
        }

        for (ulong page = start; page < end; page += 4096)
        {
            space.Native.Executable.Set(page, true);
            if (space.Native.ByProtection)
            {
                space.Native.NoteUnprotected(page);
            }
        }
    }

    /// <summary>Takes native execution away from the pages whose EPCM entry has lost X.</summary>
    public static void Revoke(AddressSpace space, IHeldThread thread)
    {
        var calls = new RemoteCalls();
        foreach (ulong page in space.Native.Executable.Lost)
        {
            if (space.Pages.Peek(page).Executable && space.Mappings.Find(page) is { } mapping)
            {
                space.Native.Executable.Set(page, false);
                if (space.Native.ByProtection)
                {
                    space.Native.NoteUnprotected(page);
                    continue;
                }

                if (space.HidesEnclaves)
                {
                    continue;
                }

                calls.Add(SystemCall.Mprotect, page, 4096, (ulong)(mapping.Protection & ~MemoryProtection.Execute));
            }
        }

        space.Native.Executable.Lost.Clear();
        space.Native.AddDropCalls(calls);
        if (space.Native.ByProtection && !space.HidesEnclaves)
        {
            space.Native.AddProtectionCalls(calls, all: false);
        }

        if (calls.Count > 0)
        {
            _ = calls.Run(thread);
        }
    }
}
