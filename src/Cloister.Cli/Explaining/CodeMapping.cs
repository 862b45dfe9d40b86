using System.Globalization;

namespace Cloister.Cli.Explaining;

/// <summary>A file's code in a process. proc_pid_maps(5).</summary>
/// <param name="Start">First byte.</param>
/// <param name="End">Behind the last.</param>
/// <param name="Offset">The offset in the file of the first.</param>
/// <param name="Path">The file.</param>
internal sealed record CodeMapping(ulong Start, ulong End, ulong Offset, string Path)
{
    /// <summary>Whether an address is in it.</summary>
    public bool Contains(ulong address) => address >= Start && address < End;

    /// <summary>Those of a process that are executable; empty when it cannot be looked at.</summary>
    public static List<CodeMapping> Of(int process)
    {
        var all = new List<CodeMapping>();
        try
        {
            foreach (string line in File.ReadLines($"/proc/{process}/maps"))
            {
                // 7f00-7f01 r-xp 00000000 fd:00 123    /path
                string[] parts = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
                string[] range = parts[0].Split('-');
                if (parts.Length == 6 && parts[1].Contains('x', StringComparison.Ordinal) && parts[5].StartsWith('/') && range.Length == 2
                    && ulong.TryParse(range[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong start)
                    && ulong.TryParse(range[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong end)
                    && ulong.TryParse(parts[2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong offset))
                {
                    all.Add(new CodeMapping(start, end, offset, parts[5]));
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended, or is not to be looked at.
        }

        return all;
    }
}
