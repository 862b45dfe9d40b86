using System.Globalization;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>Strict isolation without protection keys: what a program can reach changes with the first entry and the last exit.</summary>
/// <remarks>
/// While no thread is inside, enclave memory has no access at all and a host access is a stop (<see cref="AbortPage"/>). While a thread is
/// inside and is the only one, the host's code cannot be executed, so that a jump out of the enclave is the #GP it is on hardware.
/// Threads of one process share one view: that is what this mode cannot do, and docs/fidelity.md says so.
/// </remarks>
internal static class StrictView
{
    /// <summary>Brings the view to what the threads of a stopped thread's address space need.</summary>
    public static void Apply(Tracer tracer, TracedThread thread)
    {
        AddressSpace space = thread.Space;
        if (space.Mappings.All.Count == 0 || space.Table is null)
        {
            return;
        }

        int threads = 0;
        bool inside = false;
        foreach (TracedThread other in tracer.Processes.Threads)
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
            HideCode(space, calls, threads);
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
            calls.Add(SystemCall.Mprotect, mapping.Start, mapping.End - mapping.Start, (ulong)(mapping.Protection & ~MemoryProtection.Execute));
        }

        foreach ((ulong start, ulong end) in space.Native.ExecutableRuns())
        {
            foreach (EnclaveMapping part in space.Mappings.Within(start, end))
            {
                calls.Add(SystemCall.Mprotect, part.Start, part.End - part.Start, (ulong)part.Protection);
            }
        }
    }

    private static void HideCode(AddressSpace space, RemoteCalls calls, int threads)
    {
        if (threads > 1)
        {
            return;
        }

        foreach (string line in File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{space.Process}/maps")))
        {
            string[] fields = line.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries);
            int dash = fields[0].IndexOf('-', StringComparison.Ordinal);
            ulong start = ulong.Parse(fields[0].AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            ulong end = ulong.Parse(fields[0].AsSpan(dash + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            string permissions = fields[1];
            bool ours = start >= Area.Base && start < Area.Base + (1UL << 32);
            if (permissions[2] != 'x' || ours || start >= 1UL << 47 || space.Mappings.Find(start) is not null)
            {
                continue;
            }

            ulong protection = (permissions[0] == 'r' ? MemoryProtection.Read : 0UL) | (permissions[1] == 'w' ? MemoryProtection.Write : 0UL);
            calls.Add(SystemCall.Mprotect, start, end - start, protection);
            space.HiddenCode.Add((start, end, protection | MemoryProtection.Execute));
        }
    }

    private static void ShowCode(AddressSpace space, RemoteCalls calls)
    {
        foreach ((ulong start, ulong end, ulong protection) in space.HiddenCode)
        {
            calls.Add(SystemCall.Mprotect, start, end - start, protection);
        }

        space.HiddenCode.Clear();
    }
}
