using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Enclaves;

/// <summary>Strict isolation without protection keys: what a program can reach changes with the first entry and the last exit.</summary>
/// <remarks>
/// While no thread is inside, enclave memory has no access at all and a host access is a stop (<see cref="AbortPage"/>). While a thread is
/// inside and is the only one, the host's code cannot be executed, so that a jump out of the enclave is the #GP it is on hardware.
/// Threads of one process share one view: that is what this mode cannot do, and docs/explanation/fidelity.md says so.
/// </remarks>
internal sealed class StrictView
{
    // Host code that has lost execution while a thread is inside, and its protection.
    private readonly Dictionary<AddressSpace, List<(ulong Start, ulong End, ulong Protection)>> _hidden = [];

    /// <summary>An address space was copied.</summary>
    public void Copied(AddressSpace parent, AddressSpace copy)
    {
        if (_hidden.TryGetValue(parent, out List<(ulong Start, ulong End, ulong Protection)>? hidden))
        {
            _hidden[copy] = [.. hidden];
        }
    }

    /// <summary>An address space has ended.</summary>
    public void Forget(AddressSpace space) => _hidden.Remove(space);

    /// <summary>Brings the view to what the threads of a stopped thread's address space need.</summary>
    public void Apply(IEnumerable<TracedThread> all, TracedThread thread)
    {
        AddressSpace space = thread.Space;
        if (space.Mappings.All.Count == 0 || space.Table is null)
        {
            return;
        }

        int threads = 0;
        bool inside = false;
        foreach (TracedThread other in all)
        {
            if (other.Space == space)
            {
                threads++;
                inside |= other.Processor.EnclaveMode;
            }
        }

        if (inside == !space.HidesEnclaves)
        {
            return;
        }

        var calls = new RemoteCalls();
        if (inside)
        {
            Show(space, calls);
            HideCode(thread, calls, threads);
        }
        else
        {
            foreach (EnclaveMapping mapping in space.Mappings.All)
            {
                calls.Add(SystemCall.Mprotect, mapping.Start, mapping.End - mapping.Start, MemoryProtection.None);
            }

            ShowCode(space, calls);
        }

        space.HidesEnclaves = !inside;
        _ = calls.Run(thread);
    }

    private static void Show(AddressSpace space, RemoteCalls calls)
    {
        if (space.Native.ByProtection)
        {
            space.Native.AddProtectionCalls(calls, all: true);
            return;
        }

        foreach (EnclaveMapping mapping in space.Mappings.All)
        {
            calls.Add(SystemCall.Mprotect, mapping.Start, mapping.End - mapping.Start,
                (ulong)(mapping.Protection & ~MemoryProtection.Execute));
        }

        foreach ((ulong start, ulong end) in space.Native.Executable.Runs())
        {
            foreach (EnclaveMapping part in space.Mappings.Within(start, end))
            {
                calls.Add(SystemCall.Mprotect, part.Start, part.End - part.Start, (ulong)part.Protection);
            }
        }
    }

    private void HideCode(TracedThread thread, RemoteCalls calls, int threads)
    {
        AddressSpace space = thread.Space;
        if (threads > 1)
        {
            return;
        }

        if (!_hidden.TryGetValue(space, out List<(ulong Start, ulong End, ulong Protection)>? hidden))
        {
            _hidden.Add(space, hidden = []);
        }

        foreach (MapsLine line in HeldMappings.Of(thread))
        {
            (ulong start, ulong end, int bits) = (line.Start, line.End, line.Protection);
            bool ours = start >= Area.Base && start < Area.Base + Area.Reserved;
            if ((bits & MemoryProtection.Execute) == 0 || ours || start >= 1UL << 47 || space.Mappings.Find(start) is not null)
            {
                continue;
            }

            calls.Add(SystemCall.Mprotect, start, end - start, (ulong)(bits & ~MemoryProtection.Execute));
            hidden.Add((start, end, (ulong)bits));
        }
    }

    private void ShowCode(AddressSpace space, RemoteCalls calls)
    {
        if (!_hidden.Remove(space, out List<(ulong Start, ulong End, ulong Protection)>? hidden))
        {
            return;
        }

        foreach ((ulong start, ulong end, ulong protection) in hidden)
        {
            calls.Add(SystemCall.Mprotect, start, end - start, protection);
        }
    }
}
