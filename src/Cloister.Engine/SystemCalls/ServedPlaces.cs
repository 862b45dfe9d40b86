using System.Text;
using Cloister.Engine.Devices;
using Cloister.Engine.Options;
using Cloister.Engine.Programs;

namespace Cloister.Engine.SystemCalls;

/// <summary>The sockets and files that services of this process stand behind.</summary>
internal sealed class ServedPlaces(EngineOptions options)
{
    // The inodes of the device nodes lie above.
    private const ulong FirstInode = 100;

    private readonly ServedLibraries _libraries = new(options.Libraries);

    /// <summary>Whether a path ends with the name of a library.</summary>
    public bool HasName(string path) => _libraries.HasName(path);

    /// <summary>Whether something may be served at a path. May be called by any thread.</summary>
    public bool MayBeAt(string path) => HasName(path) || options.Sockets.Any(socket => socket.Paths.Contains(path))
        || options.Files.Any(file => file.Path == path);

    /// <summary>Whether an address may lead to a service. May be called by any thread.</summary>
    /// <param name="name">As for <see cref="Address"/>.</param>
    public bool MayLead(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty)
        {
            return false;
        }

        string text = Encoding.UTF8.GetString(name.Trim((byte)0));
        return options.Sockets.Any(socket => socket.AbstractNames.Contains(text)
            || socket.Paths.Any(path => Path.GetFileName(path) == Path.GetFileName(text.Split('\0')[0])));
    }

    /// <summary>What there is at a path for a thread; null when it is not served.</summary>
    public FileDescription? Find(TracedThread thread, string path)
    {
        for (int i = 0; i < options.Sockets.Count; i++)
        {
            if (options.Sockets[i].Paths.Contains(path))
            {
                return FileDescription.OfSocket(FirstInode + (ulong)i);
            }
        }

        return Contents(thread, path) is { } contents ? FileDescription.OfFile(FirstInode - 1, contents.Length) : null;
    }

    /// <summary>The content of a file; null when it is not served.</summary>
    public byte[]? Contents(TracedThread thread, string path)
    {
        foreach (ServedFile file in options.Files)
        {
            if (file.Path == path)
            {
                return file.Contents();
            }
        }

        return _libraries.Find(thread, path);
    }

    /// <summary>Where an address leads: the abstract name of a service, or null.</summary>
    /// <param name="name">sun_path: a path with what follows its zero, or a zero and an abstract name, which may be
    /// padded with zeros.</param>
    /// <param name="directory">The directory that a relative path begins at.</param>
    public string? Address(ReadOnlySpan<byte> name, Func<string?> directory)
    {
        if (name.IsEmpty)
        {
            return null;
        }

        bool isAbstract = name[0] == 0;
        string text = Encoding.UTF8.GetString(isAbstract ? name[1..].TrimEnd((byte)0)
            : name[..(name.IndexOf((byte)0) is var end and >= 0 ? end : name.Length)]);
        foreach (ServedSocket socket in options.Sockets)
        {
            if (isAbstract ? socket.AbstractNames.Contains(text) : socket.Paths.Any(
                path => Path.GetFileName(path) == Path.GetFileName(text)) && socket.Paths.Contains(Full(text, directory)))
            {
                return socket.Address();
            }
        }

        return null;
    }

    private static string Full(string path, Func<string?> directory) =>
        Path.GetFullPath(path.StartsWith('/') ? path : Path.Combine(directory() ?? "/", path));
}
