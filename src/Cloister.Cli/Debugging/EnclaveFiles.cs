using Cloister.Architecture;
using Cloister.Cli.Explaining;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Debugging;
using Cloister.Images.Symbols;
using Cloister.Linux;

namespace Cloister.Cli.Debugging;

/// <summary>Which file an enclave's code is from, and where it lies: found by its code, whoever loaded it.</summary>
/// <param name="noted">Files that the program opened, or was asked about.</param>
internal sealed class EnclaveFiles(Func<IEnumerable<string>> noted) : IDisposable
{
    // A page of zeros or of padding is in no place that tells.
    private const int MostPages = 512, MostOut = 16, Sure = 2, CompareLength = 64, FewestValues = 9;
    private readonly CodeFiles _files = new();
    private readonly Dictionary<ulong, LoadedFile> _found = [];

    /// <summary>The file of an enclave; null when none is known that has its code.</summary>
    /// <param name="view">The machine.</param>
    /// <param name="enclave">The enclave.</param>
    /// <param name="process">The process that has it.</param>
    public LoadedFile? Find(MachineView view, SgxEnclave enclave, DebuggedProcess process)
    {
        if (_found.TryGetValue(enclave.Eid, out LoadedFile? known) || Search(view, enclave, process) is not { } found)
        {
            return known;
        }

        if (enclave.IsInitialized)
        {
            _found[enclave.Eid] = found;
        }

        return found;
    }

    /// <inheritdoc/>
    public void Dispose() => _files.Dispose();

    private LoadedFile? Search(MachineView view, SgxEnclave enclave, DebuggedProcess process)
    {
        List<(ulong Address, byte[] Code)> code = [.. Code(view, enclave, process)];
        foreach (string path in noted().Concat(MapsLine.CodeOf(process.Id).Select(line => line.Path)).Distinct())
        {
            if (_files.Symbols(path) is { } symbols && BiasOf(symbols, code) is { } bias)
            {
                return new LoadedFile(Path.GetFullPath(path), bias, symbols.Dynamic is { } dynamic ? dynamic + bias : 0);
            }
        }

        return null;
    }

    // Several pages must say the same.
    private static ulong? BiasOf(CodeSymbols symbols, List<(ulong Address, byte[] Code)> code)
    {
        var votes = new Dictionary<ulong, int>();
        foreach ((ulong address, byte[] bytes) in code)
        {
            if (symbols.Find(bytes, (int)(address % LinearAddress.PageSize)) is { } own)
            {
                ulong bias = address - own;
                int count = votes[bias] = votes.GetValueOrDefault(bias) + 1;
                if (count == Math.Min(Sure, code.Count))
                {
                    return bias;
                }
            }
        }

        return null;
    }

    private static IEnumerable<(ulong Address, byte[] Code)> Code(MachineView view, SgxEnclave enclave, DebuggedProcess process)
    {
        int left = MostPages, leftOut = MostOut;
        LinearAddress last = enclave.Base + (enclave.Size - 1);
        foreach (EnclavePages pages in view.Driver.PagesOf(enclave, enclave.Base, last))
        {
            if ((pages.Secinfo & SecinfoFlags.X) == 0 && pages.IsResident)
            {
                continue;
            }

            for (int i = 0; i < pages.Count && left > 0; i++, left--)
            {
                LinearAddress page = pages.Start + ((ulong)i * LinearAddress.PageSize);
                byte[] bytes = new byte[LinearAddress.PageSize];
                if (view.Driver.EpcPageAt(enclave, page) is { IsNone: false } epc)
                {
                    view.Machine.Memory.Contents(epc).CopyTo(bytes);
                }
                else if (!enclave.IsDebug || leftOut-- <= 0 || process.Read(page.Value, bytes) != bytes.Length)
                {
                    continue;
                }

                for (int at = 0; at < bytes.Length; at += bytes.Length / 2)
                {
                    byte[] code = bytes[at..(at + CompareLength)];
                    if (code.Distinct().Count() >= FewestValues)
                    {
                        yield return (page.Value + (ulong)at, code);
                    }
                }
            }
        }
    }
}
