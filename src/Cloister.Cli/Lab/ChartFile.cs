using System.Text;

namespace Cloister.Cli.Lab;

/// <summary>A file that will be written at the end, opened at the beginning. What was there stays when nothing is written.</summary>
internal sealed class ChartFile : IDisposable
{
    private readonly FileStream _stream;
    private readonly bool _new;
    private bool _written;

    private ChartFile(FileStream stream, bool isNew) => (_stream, _new) = (stream, isNew);

    /// <summary>Opens it.</summary>
    /// <param name="file">The file.</param>
    /// <param name="problem">What is wrong with it, or null.</param>
    public static ChartFile? Create(FileInfo file, out string? problem)
    {
        try
        {
            problem = null;
            bool isNew = !file.Exists;
            return new ChartFile(new FileStream(file.FullName, FileMode.OpenOrCreate, FileAccess.Write), isNew);
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            problem = FileProblem.Of(file.FullName, e);
            return null;
        }
    }

    /// <summary>Writes all of it.</summary>
    public void Write(string text)
    {
        if (_stream.CanSeek)
        {
            _stream.SetLength(0);
        }

        _stream.Write(Encoding.UTF8.GetBytes(text));
        _stream.Flush();
        _written = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        bool needless = _new && !_written && _stream is { CanSeek: true, Length: 0 };
        _stream.Dispose();
        if (needless)
        {
            File.Delete(_stream.Name);
        }
    }
}
