using Cloister.Images;
using Cloister.Linux;
using Microsoft.Win32.SafeHandles;

namespace Cloister.Cli;

/// <summary>A file that is there whole, or not at all: it has no name until all of it is written.</summary>
internal sealed class WholeFile : IDisposable
{
    /// <summary>Permission bits before umask: for everybody, and for what may be secret.</summary>
    public const int Public = 0x1b6, Private = 0x180;

    private readonly FileStream _stream;
    private readonly string _path;
    private string? _beginning; // its name meanwhile, where a file system has no files without one

    private WholeFile(FileStream stream, string path, string? beginning) => (_stream, _path, _beginning) = (stream, path, beginning);

    /// <summary>What is written.</summary>
    public Stream Stream => _stream;

    /// <summary>Begins a file.</summary>
    /// <exception cref="ImageException">It cannot be made.</exception>
    public static WholeFile Begin(string path, int mode)
    {
        if (HostFile.TryMakeUnnamed(Path.GetDirectoryName(Path.GetFullPath(path))!, mode, out Errno error) is { } unnamed)
        {
            return new WholeFile(Open(unnamed), path, null);
        }

        // EISDIR of kernels that do not know it.
        if (error is not (Errno.EOPNOTSUPP or Errno.EISDIR or Errno.EINVAL))
        {
            throw new ImageException($"{path}: {FileProblem.Of(error)}");
        }

        string beginning = OwnFile.Beginning(path);
        FileStream? stream = null;
        OutputFile.Writing(path,
            () => stream = new FileStream(beginning, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = (UnixFileMode)mode,
            }));
        return new WholeFile(stream!, path, beginning);
    }

    /// <summary>It is whole: it gets its name.</summary>
    /// <param name="replaces">Whether it takes the place of what has that name.</param>
    /// <exception cref="ImageException">There is one already, or it cannot be.</exception>
    public void Keep(bool replaces)
    {
        OutputFile.Writing(_path, _stream.Flush);
        Errno error = Name(replaces);
        if (error != Errno.None)
        {
            throw new ImageException(
                $"{_path}: {(error == Errno.EEXIST ? "it is there already, and stays as it is" : FileProblem.Of(error))}");
        }

        _beginning = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            _stream.Dispose();
        }
        catch (IOException)
        {
            // What was not written yet is not wanted.
        }

        if (_beginning is not null)
        {
            _ = HostFile.Unlink(_beginning);
        }
    }

    private static FileStream Open(SafeFileHandle file) => new(file, FileAccess.ReadWrite, 1 << 16);

    private Errno Name(bool replaces)
    {
        if (_beginning is null && !replaces)
        {
            return HostFile.GiveName(_stream.SafeFileHandle, _path);
        }

        if (_beginning is null)
        {
            string meanwhile = OwnFile.Beginning(_path);
            if (HostFile.GiveName(_stream.SafeFileHandle, meanwhile) is not Errno.None and var unnamed)
            {
                return unnamed;
            }

            _beginning = meanwhile;
        }

        if (replaces)
        {
            return HostFile.Rename(_beginning, _path);
        }

        Errno error = HostFile.MoveWithoutReplacing(_beginning, _path);
        _ = error == Errno.None ? HostFile.Unlink(_beginning) : error;
        return error;
    }
}
