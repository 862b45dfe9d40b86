using System.Text;
using Cloister.Engine.Libraries;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>
/// The libraries that are served where they are not installed: in none of the places in which a dynamic linker looks
/// by itself. What it looks at before these (DT_RPATH, LD_LIBRARY_PATH, its cache) it has asked the kernel for, but for a file of the
/// cache, so that is looked for here.
/// </summary>
internal sealed class ServedLibraries(IReadOnlyList<ServedLibrary> libraries)
{
    // ld.so(8): where Debian, where Fedora, and where everybody has them.
    private static readonly string[] s_directories = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib",
        "/usr/lib"];

    private readonly string[] _names = [.. libraries.SelectMany(library => library.Names)];
    private readonly Dictionary<ServedLibrary, byte[]> _images = [];

    /// <summary>Whether a path ends with the name of one. Every file that a program opens is asked about.</summary>
    public bool HasName(string path)
    {
        foreach (string name in _names)
        {
            if (path.EndsWith(name, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What there is at a path for a thread: an image; null when it is not served.</summary>
    public byte[]? Find(TracedThread thread, string path)
    {
        string name = Path.GetFileName(path);
        if (libraries.FirstOrDefault(library => library.Names.Contains(name)) is not { } found
            || !s_directories.Contains(Path.GetDirectoryName(path)) || IsInstalled(thread, name))
        {
            return null;
        }

        if (!_images.TryGetValue(found, out byte[]? image))
        {
            _images[found] = image = LibraryImage.Build(found);
        }

        return image;
    }

    // As the thread itself would find it, below its own root and with its own rights.
    private static bool IsInstalled(TracedThread thread, string name)
    {
        var paths = new StringBuilder();
        var calls = new RemoteCalls();
        foreach (string directory in s_directories)
        {
            calls.Add(SystemCall.Access, RemoteCalls.DataAddress + (ulong)paths.Length, 0);
            paths.Append(directory).Append('/').Append(name).Append('\0');
        }

        return calls.WithData(Encoding.ASCII.GetBytes(paths.ToString())).Run(thread)
            .Any(result => result != -(long)Errno.ENOENT && result != -(long)Errno.ENOTDIR) || IsInCache(thread, name);
    }

    // A program may have another root, with anything in the cache's place.
    private static bool IsInCache(TracedThread thread, string name)
    {
        const int most = 16 << 20;
        ReadOnlySpan<byte> cache = HostFile.TryRead(ProcPath.Of(thread.Id, "root/etc/ld.so.cache"), most);
        return cache.IndexOf(Encoding.ASCII.GetBytes($"/{name}\0")) >= 0;
    }
}
