using System.Buffers.Binary;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Programs;

/// <summary>
/// Replaces bytes in programs' private mappings of the files that they execute: their own, and those of shared libraries. The files stay as
/// they are, and so does every file of which nothing is mapped executable, such as an enclave's. A set-user-ID program keeps what it has.
/// </summary>
/// <param name="replaced">What to replace by what.</param>
/// <param name="notice">Hears a line for each.</param>
internal sealed class ByteReplacer(IReadOnlyList<ReplacedBytes> replaced, Action<string> notice)
{
    private const int Chunk = 1 << 20;
    private readonly int _longest = replaced.Count == 0 ? 0 : replaced.Max(one => one.Original.Length);

    /// <summary>Whether there is anything to do.</summary>
    public bool IsAsked => replaced.Count > 0;

    /// <summary>A program was just executed: its own file, and its dynamic linker's.</summary>
    public void Executed(TracedThread thread)
    {
        if (!IsAsked)
        {
            return;
        }

        thread.Space.KeepsBytes = HasOthersRights(thread);
        List<MapsLine> lines = HeldMappings.Of(thread);
        foreach (IGrouping<(ulong, ulong), MapsLine> file in lines.Where(IsPrivateFile).GroupBy(line => (line.Device, line.Inode)))
        {
            if (file.Any(IsExecutable))
            {
                Replace(thread, file);
            }
        }
    }

    /// <summary>A file was just mapped.</summary>
    public void Mapped(TracedThread thread, ulong address)
    {
        List<MapsLine> lines = HeldMappings.Of(thread);
        if (lines.Find(line => line.Start <= address && address < line.End) is not { } mapped || !IsPrivateFile(mapped))
        {
            return;
        }

        // What came before the code was no library's yet.
        MapsLine[] file = [.. lines.Where(line => IsPrivateFile(line) && line.Inode == mapped.Inode && line.Device == mapped.Device)];
        if (file.Any(IsExecutable))
        {
            Replace(thread, file);
        }
    }

    private static bool IsPrivateFile(MapsLine line) =>
        line.Inode != 0 && !line.IsShared && !line.IsMemoryFile && (line.Protection & MemoryProtection.Read) != 0;

    private static bool IsExecutable(MapsLine line) => (line.Protection & MemoryProtection.Execute) != 0;

    private void Replace(TracedThread thread, IEnumerable<MapsLine> file)
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(Chunk);
        foreach (MapsLine line in file)
        {
            for (ulong at = line.Start; at < line.End; at += (ulong)(Chunk - _longest))
            {
                Replace(thread, line, at, buffer.AsSpan(0, (int)Math.Min(Chunk, line.End - at)));
            }
        }
    }

    private void Replace(TracedThread thread, MapsLine line, ulong at, Span<byte> buffer)
    {
        Span<byte> read = buffer[..thread.Space.Memory.ReadUpTo(at, buffer)];
        foreach (ReplacedBytes one in replaced)
        {
            for (int from = 0; read[from..].IndexOf(one.Original.Span) is var found and >= 0; from += found + one.Original.Length)
            {
                if (thread.Space.KeepsBytes)
                {
                    notice($"{line.Path}: a program with another user's rights keeps its own");
                }
                else if (thread.Space.Memory.TryPoke(at + (ulong)(from + found), one.Replacement.Span))
                {
                    notice($"{line.Path}: {one.Text}");
                }
            }
        }
    }

    // The file's mode, and what the kernel told the program: AT_SECURE of getauxval(3), for capabilities of files as well.
    private static bool HasOthersRights(TracedThread thread)
    {
        const uint setId = 0xc00; // S_ISUID, S_ISGID
        const ulong secure = 23;
        if (!HostKernel.TryStat(ProcPath.Of(thread.Id, "exe"), out _, out _, out uint mode) || (mode & setId) != 0)
        {
            return true;
        }

        ReadOnlySpan<byte> vector = HostFile.TryRead(ProcPath.Of(thread.Id, "auxv"));
        for (; vector.Length >= 16; vector = vector[16..])
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(vector) == secure)
            {
                return BinaryPrimitives.ReadUInt64LittleEndian(vector[8..]) != 0;
            }
        }

        return true;
    }
}
