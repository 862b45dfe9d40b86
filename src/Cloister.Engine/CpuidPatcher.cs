using System.Globalization;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>Replaces CPUID by UD2 in the code a program maps, so that the tracer answers it.</summary>
internal static class CpuidPatcher
{
    private const int Chunk = 1 << 20;
    private static readonly byte[] Ud2 = [0x0f, 0x0b];
    private static readonly Dictionary<(ulong, ulong, ulong, ulong), List<ulong>> Known = [];

    /// <summary>Patches code of a file that has just been mapped.</summary>
    /// <param name="space">Where.</param>
    /// <param name="address">First byte.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="path">The file, as this process can open it.</param>
    /// <param name="fileOffset">Offset in the file of the first byte.</param>
    public static void PatchFile(AddressSpace space, ulong address, ulong length, string path, ulong fileOffset)
    {
        if (!HostKernel.TryStat(path, out ulong device, out ulong inode, out _))
        {
            return;
        }

        // The same libraries are mapped again and again; a file that changes gets a new inode or is mapped at another length.
        (ulong, ulong, ulong, ulong) key = (device, inode, fileOffset, length);
        if (!Known.TryGetValue(key, out List<ulong>? sites))
        {
            sites = Find(space, address, length, fileOffset, () => FunctionStarts.Read(path));
            Known[key] = sites;
        }

        Patch(space, address, sites);
    }

    /// <summary>Patches code that a program has written itself and now made executable.</summary>
    public static void PatchAnonymous(AddressSpace space, ulong address, ulong length) =>
        Patch(space, address, Find(space, address, length, 0, () => []));

    /// <summary>Patches every executable file mapping of a program that has just been executed.</summary>
    public static void PatchAll(AddressSpace space)
    {
        foreach (string line in File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{space.Process}/maps")))
        {
            string[] parts = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length < 6 || parts[1][2] != 'x' || parts[5][0] != '/')
            {
                continue;
            }

            string[] range = parts[0].Split('-');
            ulong start = ulong.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            ulong end = ulong.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            PatchFile(space, start, end - start, $"/proc/{space.Process}/root{parts[5]}", ulong.Parse(parts[2], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }
    }

    private static List<ulong> Find(AddressSpace space, ulong address, ulong length, ulong fileOffset, Func<long[]> readFunctions)
    {
        var sites = new List<ulong>();
        long[]? functions = null;
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent((int)Math.Min(Chunk, length));
        try
        {
            // Chunks overlap so that an instruction on the edge, and what leads to it, is seen whole.
            const int overlap = 4096;
            for (ulong at = 0; at < length; at += Chunk - overlap)
            {
                int size = (int)Math.Min(Chunk, length - at);
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
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }

        return sites;
    }

    private static void Patch(AddressSpace space, ulong address, List<ulong> sites)
    {
        foreach (ulong site in sites)
        {
            if (space.Memory.TryPoke(address + site, Ud2))
            {
                space.CpuidSites.Add(address + site);
            }
        }
    }
}
