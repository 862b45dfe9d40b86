using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cloister.Linux;

namespace Cloister.Cli.Containers;

/// <summary>
/// The EPC of a node, as it is handed out to pods: a file with how much there is, which the device plugin writes, and one for each pod that
/// holds some. The scheduler counts the same for pods that go through it; what is here is for those that do not, and for its errors.
/// </summary>
/// <param name="folder">The folder.</param>
internal sealed class EpcLedger(string folder)
{
    private const string TotalName = "total";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5), s_grace = TimeSpan.FromSeconds(60);

    /// <summary>This node's.</summary>
    public static EpcLedger OfThisNode { get; } = new("/run/cloister/epc");

    private string Total => Path.Combine(folder, TotalName);

    /// <summary>Says how much there is.</summary>
    /// <returns>The file that says it; where it is gone, nobody counts.</returns>
    /// <exception cref="ContainerException">It cannot be written.</exception>
    public OwnFile Announce(long bytes)
    {
        try
        {
            _ = Directory.CreateDirectory(folder);
            return OwnFile.Put(Total, temporary => File.WriteAllText(temporary, bytes.ToString(CultureInfo.InvariantCulture)));
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            throw Unusable(e);
        }
    }

    /// <summary>Takes away what pods held that are gone, and the folder where nothing is left in it.</summary>
    public void Clear()
    {
        try
        {
            bool lives = false;
            foreach (string entry in Directory.Exists(folder) ? Entries() : [])
            {
                lives |= Lives(entry, out _);
            }

            if (!lives && !File.Exists(Total) && Directory.Exists(folder))
            {
                Directory.Delete(folder);
            }
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            // Somebody else is at it.
        }
    }

    /// <summary>Holds an amount for a pod, once; nothing where no device plugin counts.</summary>
    /// <param name="state">The folder in which the runtime keeps the pod, as long as there is the pod.</param>
    /// <param name="bytes">How much.</param>
    /// <exception cref="ContainerException">There is not as much, or the books cannot be read.</exception>
    public void Hold(string state, long bytes) => Locked(total =>
    {
        string own = Entry(state);
        long held = 0;
        foreach (string entry in Entries().Where(entry => entry != own))
        {
            held += Lives(entry, out long amount) ? amount : 0;
        }

        if (bytes > total - held)
        {
            throw new ContainerException(
                $"{ContainerAnnotations.PodEpc}: the pod asks for {SizeText.Of(bytes)} of EPC; this node has {SizeText.Of(total)}{(held > 0 ? $", and other pods have {SizeText.Of(held)} of it" : "")}", Failure.Unavailable);
        }

        File.WriteAllText(own, $"{bytes}\n{state}");
    });

    /// <summary>Gives back what a pod holds, as soon as its folder is gone.</summary>
    /// <param name="state">Its folder.</param>
    public void Release(string state)
    {
        try
        {
            File.SetLastWriteTimeUtc(Entry(state), DateTime.UnixEpoch);
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            // It holds nothing.
        }
    }

    private string Entry(string state) =>
        Path.Combine(folder, "pod-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(state)).AsSpan(0, 16)));

    private string[] Entries() => Directory.GetFiles(folder, "pod-*");

    // What a runtime that was killed left behind goes, unless it is so young that its container may only be about to be made.
    private static bool Lives(string entry, out long amount)
    {
        string[] lines = File.ReadAllText(entry).Split('\n', 2);
        if (lines.Length == 2 && long.TryParse(lines[0], NumberStyles.None, CultureInfo.InvariantCulture, out amount)
            && (Directory.Exists(lines[1]) || DateTime.UtcNow - File.GetLastWriteTimeUtc(entry) < s_grace))
        {
            return true;
        }

        File.Delete(entry);
        amount = 0;
        return false;
    }

    private void Locked(Action<long> action)
    {
        try
        {
            if (!File.Exists(Total)
                || !long.TryParse(File.ReadAllText(Total), NumberStyles.None, CultureInfo.InvariantCulture, out long total))
            {
                return;
            }

            using FolderLock hold = FolderLock.TryTake(folder, s_patience, out Errno error)
                ?? throw new IOException(error.ToString(), (int)error);
            action(total);
        }
        catch (UnauthorizedAccessException)
        {
            // A user's own container, which is none of the node's pods.
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            throw Unusable(e);
        }
    }

    private ContainerException Unusable(Exception e) =>
        new($"the node's books of EPC in {folder}: {FileProblem.Of(folder, e)}", Failure.InputOutput, e);
}
