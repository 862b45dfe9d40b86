using Cloister.Architecture;
using Cloister.Cli.Explaining;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Debugging;
using Cloister.Linux;

namespace Cloister.Cli.Debugging;

/// <summary>Which files an enclave's code is from, and where they lie: found by the code, whoever loaded it. There may be several, as below
/// a LibOS, and more later.</summary>
internal sealed class EnclaveFiles : IDisposable
{
    // Written-out pages are brought in to be looked at; a page of zeros or of padding is in no place that tells.
    private const int MostPages = 16384, MostOut = 16, Sure = 2;

    private readonly CodeFiles _files = new();
    private readonly CodePieces _code;
    private readonly Dictionary<ulong, List<LoadedFile>> _found = [];
    private readonly Func<IEnumerable<string>> _noted;

    /// <summary>Knows none yet.</summary>
    /// <param name="noted">Files that the program opened, or was asked about.</param>
    public EnclaveFiles(Func<IEnumerable<string>> noted) => (_noted, _code) = (noted, new CodePieces(_files));

    /// <summary>The files of an enclave, in the order in which they were found.</summary>
    /// <param name="view">The machine.</param>
    /// <param name="enclave">The enclave.</param>
    /// <param name="process">The process that has it.</param>
    public IReadOnlyList<LoadedFile> Find(MachineView view, IOpenEnclave enclave, DebuggedProcess process)
    {
        if (!_found.TryGetValue(enclave.Eid, out List<LoadedFile>? found))
        {
            _found[enclave.Eid] = found = [];
        }

        List<(ulong Address, string Piece)> code = [.. Pieces(view, enclave, process, found)];
        if (code.Count == 0)
        {
            return found;
        }

        foreach (string path in _noted().Concat(MapsLine.FilesOf(process.Id)).Distinct())
        {
            if (_code.Of(path) is { } file && BiasOf(file, code) is { } bias
                && !found.Exists(one => one.Bias == bias && one.Path == Path.GetFullPath(path)))
            {
                var loaded = new LoadedFile(Path.GetFullPath(path), bias, file.Symbols.Dynamic is { } dynamic ? dynamic + bias : 0)
                {
                    Code = [.. file.Symbols.Ranges.Select(range => (range.Start + bias, range.End + bias))],
                };
                found.Add(loaded);
                _ = code.RemoveAll(piece => loaded.Has(piece.Address));
            }
        }

        return found;
    }

    /// <inheritdoc/>
    public void Dispose() => _files.Dispose();

    // Several pieces must say the same.
    private static ulong? BiasOf(FileCode file, List<(ulong Address, string Piece)> code)
    {
        var votes = new Dictionary<ulong, int>();
        foreach ((ulong address, string piece) in code)
        {
            if (file.Pieces.TryGetValue(piece, out ulong? own) && own is { } known && (address - known) % LinearAddress.PageSize == 0)
            {
                ulong bias = address - known;
                int count = votes[bias] = votes.GetValueOrDefault(bias) + 1;
                if (count == Math.Min(Sure, Math.Min(code.Count, file.Pieces.Count)))
                {
                    return bias;
                }
            }
        }

        return null;
    }

    // Of the code that is in no file that is known.
    private static IEnumerable<(ulong Address, string Piece)> Pieces(MachineView view, IOpenEnclave enclave, DebuggedProcess process,
        List<LoadedFile> found)
    {
        int left = MostPages, leftOut = MostOut;
        byte[] bytes = new byte[LinearAddress.PageSize];
        LinearAddress last = enclave.Base + (enclave.Size - 1);
        foreach (EnclavePages pages in view.Driver.PagesOf(enclave, enclave.Base, last))
        {
            // Of what is written out it is not known whether it is code.
            if ((pages.Secinfo & SecinfoFlags.X) == 0 && pages.IsResident)
            {
                continue;
            }

            for (int i = 0; i < pages.Count && left > 0; i++, left--)
            {
                LinearAddress page = pages.Start + ((ulong)i * LinearAddress.PageSize);
                if (found.Exists(file => file.Has(page.Value)))
                {
                    continue;
                }

                if (view.Driver.EpcPageAt(enclave, page) is { IsNone: false } epc)
                {
                    view.Machine.Memory.Contents(epc).CopyTo(bytes);
                }
                else if (!enclave.IsDebug || leftOut-- <= 0 || process.Read(page.Value, bytes) != bytes.Length)
                {
                    continue;
                }

                foreach (int at in CodePieces.Offsets)
                {
                    if (CodePieces.Tells(bytes.AsSpan(at, CodePieces.Length)))
                    {
                        yield return (page.Value + (ulong)at, CodePieces.Text(bytes.AsSpan(at, CodePieces.Length)));
                    }
                }
            }
        }
    }
}
