using System.Diagnostics;
using System.Globalization;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Linux;

namespace Cloister.Engine.Programs;

/// <summary>Children that are there before their parent told of them. It will in a moment, unless it was killed between the two.</summary>
/// <remarks>Linux, kernel/fork.c, kernel_clone: the child is made and attached, then woken, and then its parent stops
/// to report it. A parent that is killed meanwhile reports nothing, and the child lives on: as a copy of its parent, which is gone, and of
/// another process as its child.</remarks>
internal sealed class UntoldChildren(Processes processes, IPlatform platform, IProgramObserver observer)
{
    private const int MostEnded = 16, MostChildren = 64;
    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(2), s_long = TimeSpan.FromSeconds(1),
        s_tooLong = TimeSpan.FromSeconds(10);
    private readonly Dictionary<int, (ProgramEvent? Told, long Since)> _children = []; // without a status: seen, and not stopped yet
    private readonly List<TracedProcess> _ended = []; // of which a child may still appear; their address spaces are kept

    /// <summary>Whether one that lives waits for its parent's word.</summary>
    public bool Any => _children.Count > 0 && _children.Values.Any(child => child.Told is not { Stands: false });

    /// <summary>The stop or the end of a thread that is not known.</summary>
    public void Note(in ProgramEvent happened)
    {
        if (_children.Count >= MostChildren)
        {
            ForgetDead();
        }

        // What ended under this number before is another's.
        int id = happened.Thread;
        bool isSeen = _children.TryGetValue(id, out (ProgramEvent? Told, long Since) seen) && seen.Told is not { Stands: false };
        _children[id] = (happened, isSeen ? seen.Since : Stopwatch.GetTimestamp());
        if (!happened.Stands)
        {
            // Its descriptors may have been the last.
            CheckLifetimes();
            ForgetEnded();
        }
    }

    /// <summary>A child that lives was told of by its parent: what it has told itself comes now.</summary>
    /// <remarks>An end is not of that child: nobody told of the one that had its number before.</remarks>
    public void Claim(int id)
    {
        if (_children.Remove(id, out (ProgramEvent? Told, long Since) child) && child.Told is { Stands: true } told)
        {
            platform.Park(told);
        }

        ForgetEnded();
    }

    /// <summary>A child's parent told of it when it had ended.</summary>
    public void Forget(int id)
    {
        _ = _children.Remove(id);
        ForgetEnded();
    }

    /// <summary>A process's threads are gone, some in the middle of what they did: it may have children that nobody will tell of.</summary>
    public void Expect(TracedProcess process)
    {
        _ended.Add(process);
        Processes.Use(process.Space);
        if (process.IsDeviceUser)
        {
            // Its enclaves are not kept for a child that may come: if there is one, it can be found now.
            foreach (int id in Tracees())
            {
                // At an exec the process itself goes on, and is nobody's child.
                if (id != process.Id && processes.Find(id) is null)
                {
                    _ = _children.TryAdd(id, (null, Stopwatch.GetTimestamp()));
                }
            }
        }

        ForgetEnded();
    }

    /// <summary>Takes those for whom nobody can speak any more for what they are.</summary>
    public void Adopt()
    {
        foreach ((int id, (ProgramEvent? told, long since)) in _children.ToArray())
        {
            TimeSpan waited = Stopwatch.GetElapsedTime(since);
            if (told is { Stands: false } || waited < s_soon || MayBeTold(id, waited))
            {
                continue;
            }

            TracedProcess? origin = OriginOf(id);
            if ((origin is null || !_ended.Contains(origin)) && waited < s_long)
            {
                // Its end has not been told yet.
                continue;
            }

            processes.Adopt(id, origin);
            Claim(id);
        }
    }

    /// <summary>All have ended without being heard of.</summary>
    public void Clear()
    {
        _children.Clear();
        foreach (TracedProcess process in _ended)
        {
            processes.Leave(process.Space);
        }

        _ended.Clear();
        CheckLifetimes();
    }

    // Whether the parent that the kernel names, or of a thread another of its process, may have made it and be about to say so.
    private bool MayBeTold(int id, TimeSpan waited)
    {
        if (HostKernel.StatusField(id, "PPid:") is not { } text || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture,
            out int parent))
        {
            return false;
        }

        int group = HostKernel.ThreadGroup(id);
        foreach (TracedThread thread in processes.Threads)
        {
            if (thread.Process.Id != (group == id ? parent : group) || thread.Stopped && !thread.HasParkedStop)
            {
                continue;
            }

            if (platform.IsParked(thread.Id))
            {
                return true;
            }

            if (HostKernel.SystemCallOf(thread.Id) is { } call ? waited < s_tooLong && ForkingCalls.Contains(call) : waited < s_long)
            {
                return true;
            }
        }

        return false;
    }

    // The area is one file for a program and all that fork made of it. Which of them it was the enclaves tell that it
    // had mapped; else the last that ended.
    private TracedProcess? OriginOf(int id)
    {
        List<MapsLine> lines = MapsLine.Of(id) ?? [];
        ulong inode = lines.Find(line => line.Start <= Area.Table && Area.Table < line.End)?.Inode ?? 0;
        TracedProcess? origin = null;
        int most = int.MinValue;
        foreach (TracedProcess process in processes.Threads.Select(thread => thread.Process).Distinct().Concat(_ended))
        {
            if (inode != 0 && process.Space.AreaInode == inode && observer.Likeness(lines, process.Space) is var likeness
                && likeness >= most)
            {
                (origin, most) = (process, likeness);
            }
        }

        return origin;
    }

    private void ForgetDead()
    {
        foreach ((int id, (ProgramEvent? told, long since)) in _children.ToArray())
        {
            if (told is { Stands: false } && Stopwatch.GetElapsedTime(since) > s_tooLong)
            {
                _ = _children.Remove(id);
            }
        }
    }

    private void ForgetEnded()
    {
        bool any = Any, left = false;
        for (int i = 0; i < _ended.Count; i++)
        {
            (AddressSpace space, bool isDeviceUser) = (_ended[i].Space, _ended[i].IsDeviceUser);
            if (!any && isDeviceUser || _ended.Count > MostEnded)
            {
                _ended.RemoveAt(i--);
                processes.Leave(space);
                left = true;
            }
        }

        if (left)
        {
            CheckLifetimes();
        }
    }

    private void CheckLifetimes() => observer.DescriptorsMayBeGone();

    // Everything this process traces, by /proc: the kernel has no list of it.
    private static IEnumerable<int> Tracees()
    {
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int id)
                && HostKernel.IsTraced(id))
            {
                yield return id;
            }
        }
    }
}
