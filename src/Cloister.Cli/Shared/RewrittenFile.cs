using Cloister.Images;

namespace Cloister.Cli;

/// <summary>
/// A file whose content is known as a whole only, and is written anew when there is more: who reads it finds one or the other. A pipe gets
/// it once.
/// </summary>
internal sealed class RewrittenFile : IDisposable
{
    private readonly string _path;
    private readonly FileStream? _pipe;

    private RewrittenFile(string path, FileStream? pipe) => (_path, _pipe) = (path, pipe);

    /// <summary>Whether it can be written before its end as well.</summary>
    public bool IsRewritten => _pipe is null;

    /// <summary>Begins one, which is empty.</summary>
    /// <param name="path">Its path; - is the standard output stream.</param>
    /// <param name="problem">What is wrong with it, or null.</param>
    public static RewrittenFile? Begin(string path, out string? problem)
    {
        FileStream? stream = OutputFile.Open(path == "-" ? "/dev/stdout" : path, out problem);
        if (stream is null)
        {
            problem = $"{path}: {problem}";
            return null;
        }

        if (path != "-" && stream.CanSeek)
        {
            stream.Dispose();
            return new RewrittenFile(path, null);
        }

        return new RewrittenFile(path, stream);
    }

    /// <summary>Writes it.</summary>
    /// <exception cref="ImageException">It cannot be written: it stays as it was.</exception>
    public void Write(byte[] bytes)
    {
        if (_pipe is not null)
        {
            OutputFile.Writing(_path, () => _pipe.Write(bytes));
            return;
        }

        OutputFile.Replace(_path, place =>
        {
            using WholeFile whole = WholeFile.Begin(place, WholeFile.Public);
            whole.Stream.Write(bytes);
            whole.Keep(replaces: true);
        });
    }

    /// <inheritdoc/>
    public void Dispose() => _pipe?.Dispose();
}
