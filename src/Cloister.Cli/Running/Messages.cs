using System.Text;

namespace Cloister.Cli.Running;

/// <summary>
/// What Cloister itself says while a program runs. A line that cannot be written is lost and remembered: it is no reason to end the
/// program.
/// </summary>
internal sealed class Messages : IDisposable
{
    private readonly TextWriter _writer;
    private readonly bool _quiet;
    private readonly bool _owned;

    private Messages(TextWriter writer, bool quiet, bool owned) => (_writer, _quiet, _owned) = (writer, quiet, owned);

    /// <summary>Whether a line was lost.</summary>
    public bool Lost { get; private set; }

    /// <summary>Opens where they go.</summary>
    /// <param name="path">A file; null is the error stream, <c>-</c> the output stream.</param>
    /// <param name="quiet">Whether notices are left out.</param>
    /// <param name="problem">What is wrong with the file, or null.</param>
    public static Messages? Open(string? path, bool quiet, out string? problem)
    {
        problem = null;
        switch (path)
        {
            case null: return new Messages(Console.Error, quiet, false);
            case "-": return new Messages(Console.Out, quiet, false);
        }

        FileStream? stream = OutputFile.Open(path, out problem);
        problem = problem is null ? null : $"{path}: {problem}";
        return stream is null ? null : new Messages(new StreamWriter(stream, new UTF8Encoding(false)) { AutoFlush = true }, quiet, true);
    }

    /// <summary>Something to know that is no error.</summary>
    public void Notice(string text)
    {
        if (!_quiet)
        {
            Write($"cloister: {text}");
        }
    }

    /// <summary>What was asked for, whether quiet or not.</summary>
    public void Write(string text)
    {
        try
        {
            _writer.Write(text + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            Lost = true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_owned)
        {
            return;
        }

        try
        {
            _writer.Dispose();
        }
        catch (IOException)
        {
            Lost = true;
        }
    }
}
