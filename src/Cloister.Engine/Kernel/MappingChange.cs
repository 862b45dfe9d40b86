using Cloister.Engine.Memory;

namespace Cloister.Engine.Kernel;

/// <summary>What is mapped in a range now, and was not, or not so, when the kernel's driver was told last.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">The address behind the last.</param>
/// <param name="File">The driver's file, or 0 for nothing.</param>
/// <param name="Rights">PROT_READ, PROT_WRITE and PROT_EXEC.</param>
/// <param name="Offset">What of the file is at the first address, in bytes.</param>
internal readonly record struct MappingChange(ulong Start, ulong End, nint File, ulong Rights, ulong Offset)
{
    /// <summary>What has changed, in the order of addresses.</summary>
    /// <param name="before">The mappings that were told, by address.</param>
    /// <param name="now">The mappings that there are, by address.</param>
    public static IReadOnlyList<MappingChange> Since(IReadOnlyList<EnclaveMapping> before, IReadOnlyList<EnclaveMapping> now)
    {
        var changes = new List<MappingChange>();
        ulong[] edges = [.. before.Concat(now).SelectMany(mapping => new[] { mapping.Start, mapping.End }).Distinct().Order()];
        for (int i = 0, old = 0, here = 0; i + 1 < edges.Length; i++)
        {
            EnclaveMapping? was = At(before, ref old, edges[i]), mapping = At(now, ref here, edges[i]);
            bool isSame = was?.File == mapping?.File && was?.Delta == mapping?.Delta && was?.Protection == mapping?.Protection;
            if (!isSame)
            {
                changes.Add(new MappingChange(edges[i], edges[i + 1], mapping is null ? 0 : FileOf(mapping.File),
                    (ulong)(mapping?.Protection ?? 0), mapping is null ? 0 : unchecked(edges[i] + mapping.Delta)));
            }
        }

        return changes;
    }

    private static nint FileOf(EnclaveFile file) => file switch
    {
        { Enclave: KernelEnclave enclave } => enclave.File,
        { VirtualEpc: KernelVirtualEpc virtualEpc } => virtualEpc.File,
        _ => 0,
    };

    private static EnclaveMapping? At(IReadOnlyList<EnclaveMapping> mappings, ref int index, ulong address)
    {
        while (index < mappings.Count && mappings[index].End <= address)
        {
            index++;
        }

        return index < mappings.Count && mappings[index].Start <= address ? mappings[index] : null;
    }
}
