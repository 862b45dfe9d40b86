using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// The layout for loaders that know no dynamic memory: all threads are there from the start. sign_tool.cpp, generate_compatible_metadata.
/// </summary>
internal static class SdkCompatibleLayout
{
    public static IReadOnlyList<LayoutEntry> Of(IReadOnlyList<LayoutEntry> layout, uint threads)
    {
        List<LayoutEntry> entries = [.. layout];
        int start = entries.FindIndex(entry => entry.Id == LayoutEntry.Guard);
        int behind = entries.FindIndex(entry => entry.Id == LayoutEntry.Td) + 1;
        if (behind < entries.Count && entries[behind].Id == LayoutEntry.ReservedMin)
        {
            // One thread, and reserved memory behind it.
            ClearReserved(entries);
        }
        else if (behind < entries.Count)
        {
            LayoutEntry[] reserved = [.. Reserved(entries)];
            ulong step = entries[start..behind].Aggregate(0UL, (sum, entry) => sum + (entry.PageCount * SdkLayoutTable.PageSize));
            entries.RemoveRange(behind, entries.Count - behind);

            // The first thread again for each of the others, also when there are none. What filled the enclave up is gone.
            entries.Add(new LayoutEntry(LayoutEntry.ThreadGroup, (ushort)(behind - start), threads - 1, step, 0, 0, SecinfoFlags.None));
            entries.AddRange(reserved);
            ClearReserved(entries);
        }

        Change(entries, LayoutEntry.HeapMax, entry => WithoutPostAdd(entry) with { Flags = SecinfoFlags.None });
        Change(entries, LayoutEntry.HeapInit, WithoutPostAdd);
        Change(entries, LayoutEntry.StackMax, WithoutPostAdd);
        return entries;
    }

    private static IEnumerable<LayoutEntry> Reserved(List<LayoutEntry> entries)
        => entries.Where(entry => entry.Id is LayoutEntry.ReservedMin or LayoutEntry.ReservedInit or LayoutEntry.ReservedMax);

    private static void ClearReserved(List<LayoutEntry> entries)
    {
        Change(entries, LayoutEntry.ReservedInit, WithoutPostAdd);
        Change(entries, LayoutEntry.ReservedMax, entry => WithoutPostAdd(entry) with { Flags = SecinfoFlags.None });
    }

    private static void Change(List<LayoutEntry> entries, ushort id, Func<LayoutEntry, LayoutEntry> change)
    {
        int at = entries.FindIndex(entry => entry.Id == id);
        if (at >= 0)
        {
            entries[at] = change(entries[at]);
        }
    }

    private static LayoutEntry WithoutPostAdd(LayoutEntry entry) => entry with
    {
        Attributes = (ushort)(entry.Attributes & ~LayoutEntry.PostAdd),
    };
}
