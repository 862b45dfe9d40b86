using Cloister.Engine.Instructions;
using Cloister.Linux;

namespace Cloister.Engine.Memory;

/// <summary>Replaces the first byte of CPUID by HLT in the code a program maps, so that the tracer answers it.</summary>
/// <remarks>HLT is #GP in a program, which the kernel gets at once: #UD goes through the hypervisor of a virtual machine, and costs as much
/// as two stops (5 to 9 us where a stop takes 6).</remarks>
internal static class CpuidPatcher
{
    /// <summary>HLT, which stands where CPUID began.</summary>
    public const byte Halt = 0xf4;

    /// <summary>The first byte of CPUID.</summary>
    public const byte First = 0x0f;

    /// <summary>The second byte of CPUID, which stays.</summary>
    public const byte Second = 0xa2;

    // Small enough for the runtime's ordinary heap.
    private const int Chunk = 1 << 16, Overlap = 1 << 14;
    private static readonly Dictionary<MappedCode, List<ulong>> Known = [];

    /// <summary>Patches code of a file that has just been mapped.</summary>
    /// <param name="space">Where.</param>
    /// <param name="address">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="path">The file, as this process can open it.</param>
    /// <param name="fileOffset">Offset in the file of the first byte.</param>
    public static void PatchFile(AddressSpace space, ulong address, ulong length, string path, ulong fileOffset)
    {
        if (space.CpuidFaults || !FileIdentity.TryGet(path, out FileIdentity file))
        {
            return;
        }

        // The same libraries are mapped again and again. Several tracers may share what is known.
        var key = new MappedCode(file, fileOffset, length);
        List<ulong>? sites;
        lock (Known)
        {
            _ = Known.TryGetValue(key, out sites);
        }

        if (sites is null)
        {
            sites = [];
            foreach ((ulong start, ulong end) in WrittenMemory.WithinFile(path, fileOffset, fileOffset + length))
            {
                Find(space, address, start - fileOffset, end - fileOffset, fileOffset, () => FunctionStarts.Read(path), sites);
            }

            lock (Known)
            {
                Known[key] = sites;
            }
        }

        Patch(space, address, sites);
    }

    /// <summary>Patches code that a program has written itself and now made executable.</summary>
    public static void PatchAnonymous(AddressSpace space, ulong address, ulong length)
    {
        if (space.CpuidFaults)
        {
            return;
        }

        var sites = new List<ulong>();
        foreach ((ulong start, ulong end) in WrittenMemory.Within(space.Memory.Thread, address, address + length))
        {
            Find(space, address, start - address, end - address, 0, () => [], sites);
        }

        Patch(space, address, sites);
    }

    /// <summary>Patches every executable file mapping of a program that has just been executed.</summary>
    public static void PatchAll(AddressSpace space, int thread)
    {
        foreach (MapsLine line in MapsLine.CodeOf(thread))
        {
            PatchFile(space, line.Start, line.End - line.Start, ProcPath.Of(thread, "root" + line.Path), line.Offset);
        }
    }

    // Adds what it finds between two offsets from an address.
    private static void Find(AddressSpace space, ulong address, ulong start, ulong end, ulong fileOffset, Func<long[]> readFunctions,
        List<ulong> sites)
    {
        long[]? functions = null;
        byte[] buffer = GC.AllocateUninitializedArray<byte>((int)Math.Min(Chunk, end - start));

        // Chunks overlap so that an instruction on the edge, and what leads to it, is seen whole.
        for (ulong at = start; at < end; at += Chunk - Overlap)
        {
            int size = (int)Math.Min(Chunk, end - at);
            ReadOnlySpan<byte> code = buffer.AsSpan(0, space.Memory.ReadUpTo(address + at, buffer.AsSpan(0, size)));
            if (CpuidSites.MayHave(code))
            {
                functions ??= readFunctions();
                foreach (int site in CpuidSites.Find(code, (long)(fileOffset + at), functions))
                {
                    if (!sites.Contains(at + (ulong)site))
                    {
                        sites.Add(at + (ulong)site);
                    }
                }
            }

            if (size < Chunk)
            {
                break;
            }
        }
    }

    private static void Patch(AddressSpace space, ulong address, List<ulong> sites)
    {
        foreach (ulong site in sites)
        {
            if (space.Memory.TryPoke(address + site, [Halt]))
            {
                space.CpuidSites.Add(address + site);
            }
        }
    }

    // A class: the runtime has the code of dictionaries of classes compiled.
    private sealed record MappedCode(FileIdentity File, ulong Offset, ulong Length);
}
