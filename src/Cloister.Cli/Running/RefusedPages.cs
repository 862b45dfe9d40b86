using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Images;
using Cloister.Processor;

namespace Cloister.Cli.Running;

/// <summary>
/// Compares the pages of an enclave that EINIT refused, as they lie in the EPC, with the file they should have come from.
/// </summary>
internal static class RefusedPages
{
    /// <summary>Why the file cannot be used, or null.</summary>
    public static string? Problem(string path) => Try(() =>
    {
        using var image = ImageReader.Open(InputFile.Ordinary(InputFile.Of(path)));
        return image.PreferredVariant.Pages is null ? image.PreferredVariant.PagesMissing ?? "it does not hold the enclave's pages" : null;
    });

    /// <summary>The first page that is not as in the file, in the order of the file's EADD.</summary>
    /// <param name="machine">Where the enclave is.</param>
    /// <param name="secs">The enclave.</param>
    /// <param name="path">The file.</param>
    /// <param name="enclavehash">What the SIGSTRUCT expects, to choose among the enclaves of the file.</param>
    public static string Explain(SgxMachine machine, EpcPage secs, string path, string enclavehash) => Try(() =>
    {
        using var image = ImageReader.Open(InputFile.Ordinary(InputFile.Of(path)));
        EnclaveVariant variant =
            image.Variants.FirstOrDefault(one => one.Sigstruct is { } sigstruct && SigstructText.Enclavehash(in sigstruct) == enclavehash)
            ?? image.PreferredVariant;
        var comparer = new Comparer(machine, secs);
        MeasureResult measured = EnclaveMeasurer.Measure(image, variant, comparer);
        return comparer.Difference switch
        {
            // Naming a page by a file of another enclave would mislead.
            _ when measured.Text != enclavehash => $"{path} is not what was signed either: it measures {measured.Text}",
            { } difference => difference,
            null when comparer.Unexpected() is { } page => $"page 0x{page:x} is loaded, and {path} has none there",
            _ => $"every page is as in {path}: the order of EADD is another, or whether a page is measured",
        };
    }) ?? "";

    private static string? Try(Func<string?> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is ImageException or IOException or UnauthorizedAccessException or CryptographicException)
        {
            return e.Message;
        }
    }

    private sealed class Comparer : IMeasurementTrace
    {
        private readonly SgxMachine _machine;
        private readonly Secs _secs;
        private readonly Dictionary<ulong, EpcPage> _loaded = [];
        private readonly HashSet<ulong> _expected = [];
        private string _name = "";

        public Comparer(SgxMachine machine, EpcPage secs)
        {
            _machine = machine;
            _secs = MemoryMarshal.Read<Secs>(machine.Memory[secs]);
            for (int i = 0; i < machine.Epcm.PageCount; i++)
            {
                var page = new EpcPage(i);
                ref readonly EpcmEntry entry = ref machine.Epcm[page];
                if (entry.Valid && entry.EnclaveSecs == secs && entry.PageType is PageType.Reg or PageType.Tcs)
                {
                    _loaded[entry.EnclaveAddress - new LinearAddress(_secs.BaseAddr)] = page;
                }
            }
        }

        public string? Difference { get; private set; }

        public void Created(ulong size, uint ssaFrameSize) => Difference =
            size != _secs.Size ? $"ECREATE: expected SIZE {size:x}, found {_secs.Size:x}"
            : ssaFrameSize != _secs.SsaFrameSize ? $"ECREATE: expected SSAFRAMESIZE {ssaFrameSize}, found {_secs.SsaFrameSize}"
            : null;

        public void Added(string name, ulong offset, SecinfoFlags flags)
        {
            _name = name;
            _expected.Add(offset);
            if (Difference is not null)
            {
                return;
            }

            if (!_loaded.TryGetValue(offset, out EpcPage page))
            {
                Difference =
                    $"page 0x{offset:x} ({name}): expected {PageText.Of(flags)}, found none: it was not added, or is evicted (--epc)";
            }
            else if (_machine.Epcm[page].SecinfoFlags is var found && found != flags)
            {
                Difference = $"page 0x{offset:x} ({name}): expected {PageText.Of(flags)}, found {PageText.Of(found)}";
            }
        }

        public void Extended(ulong offset, ReadOnlySpan<byte> chunk)
        {
            ulong at = offset % LinearAddress.PageSize;
            if (Difference is not null || !_loaded.TryGetValue(offset - at, out EpcPage page))
            {
                return;
            }

            ReadOnlySpan<byte> found = _machine.Memory[page].Slice((int)at, chunk.Length);
            int same = chunk.CommonPrefixLength(found);
            if (same < chunk.Length)
            {
                int shown = Math.Min(8, chunk.Length - same);
                Difference =
                    $"page 0x{offset - at:x} ({_name}), from byte 0x{at + (ulong)same:x}: expected {Convert.ToHexStringLower(chunk.Slice(same, shown))}, found {Convert.ToHexStringLower(found.Slice(same, shown))}";
            }
        }

        /// <summary>A page that is loaded and not in the file.</summary>
        public ulong? Unexpected() => _loaded.Keys.Order().Cast<ulong?>().FirstOrDefault(offset => !_expected.Contains(offset!.Value));
    }
}
