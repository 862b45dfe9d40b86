using System.Text;
using Cloister.Architecture;
using Cloister.Cli.Explaining;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Observers;

namespace Cloister.Cli.Covering;

/// <summary>Which lines of enclaves' sources are executed, written to a file for lcov.</summary>
internal sealed class Coverage : ICodePlaces, IDriverObserver, IEngineObserver, IDisposable
{
    private readonly Tracer _tracer;
    private readonly RewrittenFile? _file;
    private readonly CodeOrigins _origins = new();
    private readonly Dictionary<string, CoveredFile> _files = [];
    private readonly string _path;
    private readonly Action<string> _notice;

    private Coverage(Tracer tracer, string path, Action<string> notice, out string? problem)
    {
        (_tracer, _path, _notice) = (tracer, path, notice);
        _file = RewrittenFile.Begin(path, "coverage", Content, notice, out problem);
    }

    /// <summary>Begins to listen to a machine that runs nothing yet.</summary>
    /// <param name="tracer">The machine.</param>
    /// <param name="path">The file.</param>
    /// <param name="against">A file that may be an enclave's; null for none.</param>
    /// <param name="notice">Where it is said that the file cannot be written any more, or why nothing is in it.</param>
    /// <param name="problem">What is wrong with the file, or null.</param>
    public static Coverage? Begin(Tracer tracer, string path, string? against, Action<string> notice, out string? problem)
    {
        var coverage = new Coverage(tracer, path, notice, out problem);
        if (problem is not null)
        {
            coverage.Dispose();
            return null;
        }

        if (against is not null)
        {
            coverage._origins.Files.Note(against);
        }

        tracer.Places = coverage;
        return coverage;
    }

    /// <inheritdoc/>
    public void FileOpening(IObservedThread thread, string path)
    {
        lock (_file!.Lock)
        {
            _origins.Files.Note(path);
        }
    }

    /// <inheritdoc/>
    public IEnumerable<ulong> PlacesIn(IOpenEnclave enclave, int process, ulong page, ReadOnlyMemory<byte> code)
    {
        lock (_file!.Lock)
        {
            int known = _origins.Of(enclave.Eid).Count;
            if (_origins.Find(enclave.Eid, process, page, code.Span) is not { } origin)
            {
                return [];
            }

            CoveredFile file = FileOf(origin);
            if (_origins.Of(enclave.Eid).Count > known)
            {
                NoteAll(enclave, origin, file);
            }

            _file.NoteChange();
            return [.. file.Note(unchecked(page - origin.Bias), code.Span).Select(place => unchecked(place + origin.Bias))];
        }
    }

    /// <inheritdoc/>
    public void Reached(IObservedThread thread, IOpenEnclave enclave, ulong address)
    {
        lock (_file!.Lock)
        {
            foreach (CodeOrigin origin in _origins.Of(enclave.Eid))
            {
                if (FileOf(origin).Reach(unchecked(address - origin.Bias)))
                {
                    _file.NoteChange();
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_file is not null && Content().Length == 0)
        {
            _notice($"coverage: {_path} is empty: " + (_files.Count == 0 ? "no enclave ran whose code is in a file that was found"
                : $"{string.Join(" and ", _files.Keys)} has no line numbers (compile with -g)"));
        }

        _file?.Dispose();
        _origins.Dispose();
    }

    // Code that is never executed is part of the whole as well.
    private void NoteAll(IOpenEnclave enclave, CodeOrigin origin, CoveredFile file)
    {
        byte[] code = new byte[LinearAddress.PageSize];
        foreach ((ulong first, ulong end) in origin.Symbols.Ranges)
        {
            ulong from = LinearAddress.PageSize * (unchecked(first + origin.Bias) / LinearAddress.PageSize);
            for (ulong page = from; page < unchecked(end + origin.Bias); page += LinearAddress.PageSize)
            {
                if (page - enclave.Base.Value < enclave.Size
                    && _tracer.Driver.TryRead(enclave, new LinearAddress(page), code, out SecinfoFlags secinfo)
                    && (secinfo & SecinfoFlags.X) != 0)
                {
                    _ = file.Note(unchecked(page - origin.Bias), code);
                }
            }
        }
    }

    private CoveredFile FileOf(CodeOrigin origin)
    {
        if (!_files.TryGetValue(origin.Path, out CoveredFile? file))
        {
            _files[origin.Path] = file = new CoveredFile(origin.Symbols);
        }

        return file;
    }

    private byte[] Content()
    {
        var sources = new SortedDictionary<string, CoveredSource>(StringComparer.Ordinal);
        foreach (CoveredFile file in _files.Values)
        {
            foreach ((string path, CoveredSource source) in file.Sources())
            {
                if (!sources.TryGetValue(path, out CoveredSource? known))
                {
                    sources[path] = known = new CoveredSource();
                }

                known.Add(source);
            }
        }

        return Encoding.UTF8.GetBytes(LcovText.Of(sources));
    }
}
