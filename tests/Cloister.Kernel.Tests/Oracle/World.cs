using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Kernel.Tests.Oracle;

/// <summary>
/// The two sides, and what happens on both: each step is done on the one and on the other, and all that can be seen is compared.
/// </summary>
internal sealed partial class World : IDisposable
{
    private const ulong Page = 4096;
    private const int FirstDescriptor = 3;
    private readonly KernelSide _kernel;
    private readonly CloisterSide _cloister;
    private readonly Random _random;
    private readonly Random? _mishaps;
    private readonly bool _losesPower;
    private readonly List<Process> _processes = [];
    private readonly List<OpenFile> _files = [];
    private readonly List<string> _history = [];
    private readonly string _name;
    private readonly int _leaks;
    private int _numbers, _complaints;

    /// <summary>Two machines that are switched on.</summary>
    /// <param name="library">The kernel's driver.</param>
    /// <param name="epcPages">Pages of the EPC.</param>
    /// <param name="seed">What is done.</param>
    /// <param name="hasMishaps">Whether rare things happen as well; without them a seed does what it did before there were any.</param>
    /// <param name="leaks">How many EREMOVE fail, so that the pages leak.</param>
    public World(string library, int epcPages, int seed, bool hasMishaps = true, int leaks = 0)
    {
        _name = $"seed {seed}, {epcPages} pages";
        _random = new Random(seed);
        _mishaps = hasMishaps ? new Random(~seed) : null;

        // Most of a run that loses power is over soon (EndedByLoss), and the kernel's leaves fault where Cloister executes none.
        _losesPower = seed % 3 == 2;
        InjectedLeaf[] codes = hasMishaps && !_losesPower ? SomeCodes(_mishaps!) : [];
        _leaks = leaks;
        _kernel = new KernelSide(library, epcPages, [.. codes, .. Leaks(after: epcPages)]); // which looks at each page when it begins
        _cloister = new CloisterSide(epcPages, [.. codes, .. Leaks(after: 0)]);
    }

    /// <summary>What was done how often: the first word of each step.</summary>
    public Dictionary<string, int> Counts { get; } = [];

    public IReadOnlyDictionary<string, int> Leaves => _leafCounts;

    private readonly Dictionary<string, int> _leafCounts = [];

    public void Dispose() => _kernel.Dispose();

    /// <summary>The number of a file's descriptor: files keep it, and the lowest free one is given.</summary>
    public static int DescriptorOf(OpenFile file) => file.Number;

    /// <summary>So many steps, and then everybody ends.</summary>
    public void Run(int steps)
    {
        Begin();
        for (int step = 0; step < steps; step++)
        {
            if (!Survives(Step))
            {
                return;
            }
        }

        if (!Survives(End))
        {
            return;
        }

        Check("the end", "", "");
        if (_kernel.Machine.ValidPages == 0 != (_leaks == 0))
        {
            throw Differ($"at the end {_kernel.Machine.ValidPages} EPC pages are valid");
        }
    }

    private void End()
    {
        while (_processes.Count > 0)
        {
            Exit(_processes[^1]);
        }

        foreach (OpenFile file in _files.ToArray())
        {
            Close(file);
        }
    }

    // --- What is done on both sides -------------------------------------------------------------------------------

    // Once both have done it, the books follow; a file that nobody has open or mapped any more goes at once.
    private void Both(string what, Func<Side, string> act, Action? books = null)
    {
        _history.Add(what);
        string word = what.Split(' ')[0];
        Counts[word] = Counts.GetValueOrDefault(word) + 1;
        string kernel = WithoutMemory(act, what);
        string cloister = act(_cloister);
        books?.Invoke();
        foreach (OpenFile file in _files.Where(file => file is { IsOpen: false, Mapped: 0 }).ToArray())
        {
            _kernel.Release(file);
            _cloister.Release(file);
            _files.Remove(file);
            _lost.Remove(file);
        }

        _kernel.Idle();
        _cloister.Idle();
        Check(what, kernel, cloister);
    }

    private void Begin()
    {
        var process = new Process(++_numbers);
        _processes.Add(process);
        Both($"begin {process.Number}", side =>
        {
            side.Begin(process);
            side.Threads[process.Number] = new EnclaveThread(side, process);
            return "";
        });
    }

    private OpenFile Open(string device)
    {
        int number = FirstDescriptor;
        while (_files.Any(other => other.Number == number))
        {
            number++;
        }

        var file = new OpenFile(number, device);
        _files.Add(file);
        Both($"open {device} {number}", side => $"{side.Open(file)}");
        return file;
    }

    private void Close(OpenFile file)
    {
        file.IsOpen = false;
        Both($"close {file.Number}", side =>
        {
            side.Close(file);
            return "";
        });
    }

    private void SetPages(Process process, ulong start, ulong end, Process.PageMapping? mapping)
    {
        foreach ((ulong page, Process.PageMapping old) in process.Pages.Where(pair => pair.Key >= start >> 12 && pair.Key < end >> 12)
            .ToArray())
        {
            process.Pages.Remove(page);
            old.File.Mapped--;
        }

        for (ulong page = start >> 12; mapping is { } one && page < end >> 12; page++)
        {
            process.Pages[page] = one with { Offset = one.Offset + ((page << 12) - start) };
            one.File.Mapped++;
        }
    }

    // Entries that go are flushed from the translations of every processor, by an interrupt that takes a thread out of its enclave.
    private static void Flush(Side side, Process process) => side.Threads[process.Number].Interrupt();

    private bool Map(Process process, OpenFile file, ulong start, ulong end, Protection protection, ulong offset = 0,
        bool isPrivate = false)
    {
        int result = -1;
        Both($"mmap {process.Number} {file.Number} {start:x}-{end:x} {protection} private={isPrivate}", side =>
        {
            Flush(side, process);
            return $"{result = side.Map(process, file, start, end, protection, offset, isPrivate)}";
        }, () =>
        {
            if (result == 0 || file.TakesAwayAtMap(isPrivate))
            {
                SetPages(process, start, end, result == 0 ? new Process.PageMapping(file, protection, offset) : null);
            }
        });
        return result == 0;
    }

    private void Unmap(Process process, ulong start, ulong end)
    {
        Both($"munmap {process.Number} {start:x}-{end:x}", side =>
        {
            Flush(side, process);
            side.Unmap(process, start, end);
            return "";
        }, () => SetPages(process, start, end, null));
    }

    private void Protect(Process process, ulong start, ulong end, Protection protection)
    {
        Both($"mprotect {process.Number} {start:x}-{end:x} {protection}", side => $"{side.Protect(process, start, end, protection)}");
        for (ulong page = start >> 12; page < end >> 12; page++)
        {
            if (process.Pages.TryGetValue(page, out Process.PageMapping mapping))
            {
                // How far a call that failed had come is the kernel's affair alone.
                process.Pages[page] = mapping with { Protection = _kernel.ProtectionAt(process, page << 12)!.Value };
            }
        }
    }

    private void Fork(Process parent)
    {
        var child = new Process(++_numbers) { ReadImpliesExecute = parent.ReadImpliesExecute };

        // Virtual EPC is not there in a child (VM_DONTCOPY).
        foreach ((ulong page, Process.PageMapping mapping) in parent.Pages.Where(pair => !pair.Value.File.IsVirtualEpc))
        {
            child.Pages[page] = mapping;
            mapping.File.Mapped++;
        }

        _processes.Add(child);
        Both($"fork {parent.Number} {child.Number}", side =>
        {
            side.Fork(parent, child);
            side.Threads[child.Number] = new EnclaveThread(side, child);
            return "";
        });
    }

    private void Exit(Process process)
    {
        _processes.Remove(process);
        Both($"exit {process.Number}", side =>
        {
            // Its thread dies outside: an interrupt brings it the signal.
            side.Threads[process.Number].Interrupt();
            side.Threads.Remove(process.Number);
            side.Exit(process);
            return "";
        }, () => SetPages(process, 0, 1ul << 47, null));
    }

    private void Fault(Process process, ulong address, AccessKind access)
    {
        if (!process.Pages.TryGetValue(address >> 12, out Process.PageMapping mapping))
        {
            return;
        }

        if (mapping.File.IsVirtualEpc && !_kernel.Spaces[process.Number].Entries.ContainsKey(address >> 12)
            && !mapping.File.Filled.Add(mapping.Offset))
        {
            // docs/explanation/fidelity.md: through a second mapping the kernel faults for ever.
            return;
        }

        Both($"fault {process.Number} {address:x} {access}",
            side => side.Spaces[process.Number].Entries.ContainsKey(address >> 12) ? "there" : $"{side.Fault(process, address, access)}");
    }

    private void Access(Process process, ulong address, int length, bool isWrite)
    {
        byte[] bytes = new byte[length];
        _random.NextBytes(bytes);
        Both($"access {process.Number} {address:x} {length} write={isWrite}", side =>
        {
            byte[] data = [.. bytes];
            long result = side.Access(process, address, data, isWrite);
            return $"{result} {Convert.ToHexString(data.AsSpan(0, result > 0 && !isWrite ? (int)result : 0))}";
        });
    }

    private string Inside(Process process, string what, Func<EnclaveThread, string?> act)
    {
        string? result = null;
        Both($"{what} {process.Number}", side => result = act(side.Threads[process.Number]) ?? "done");
        return result!;
    }

    private long Ioctl(Process process, OpenFile file, string name, uint command, ulong at, ReadOnlySpan<byte> argument,
        int signalAfter = -1)
    {
        byte[] given = argument.ToArray();
        long result = 0;

        // Sometimes the structure cannot be read, or not be written.
        ulong place = given.Length == 0 || _isMemoryScarce ? at
            : _random.Next(40) switch { 0 => 16, 1 => UserMemory.ReadOnlyStart + 0x100, _ => at };
        Both($"{name} {process.Number} {file.Number} {place:x}: {Words(given)} signal={signalAfter}", side =>
        {
            given.CopyTo(side.User.At(at, given.Length));
            given.CopyTo(side.User.At(UserMemory.ReadOnlyStart + 0x100, given.Length));
            side.SignalAfter = signalAfter;
            result = side.Ioctl(process, file, command, place);
            side.SignalAfter = -1;
            return $"{result} {Convert.ToHexString(side.User.At(at, given.Length))}";
        });
        return result;
    }

    private static string Words(ReadOnlySpan<byte> bytes)
    {
        var words = new List<string>();
        for (int at = 0; at + 8 <= bytes.Length; at += 8)
        {
            words.Add($"{BitConverter.ToUInt64(bytes[at..]):x}");
        }

        return string.Join(',', words);
    }

    // --- What is compared ------------------------------------------------------------------------------------------

    private void Check(string what, string kernel, string cloister)
    {
        if (kernel != cloister)
        {
            throw Differ($"the kernel's driver gives {kernel}, Cloister's {cloister}");
        }

        // Each WARN is one.
        _complaints += _kernel.Complaints.Count;
        string[] unexpected = [.. _kernel.Complaints.Where(complaint => !IsExpected(complaint)).Distinct()];
        _kernel.Complaints.Clear();
        if (unexpected.Length > 0 || _kernel.Warnings > _complaints)
        {
            throw Differ($"the kernel's driver warns: {string.Join("; ", unexpected)}");
        }

        CompareLeaves();
        CompareEpc();
        CompareEntries();
    }

    private void CompareLeaves()
    {
        // In which order pages are changed that have nothing to do with each other is the driver's affair.
        if (!_kernel.Leaves.Order(StringComparer.Ordinal).SequenceEqual(_cloister.Leaves.Order(StringComparer.Ordinal)))
        {
            throw Differ(
                $"leaves of the kernel's driver only: {Only(_kernel.Leaves, _cloister.Leaves)}; of Cloister's only: {Only(_cloister.Leaves, _kernel.Leaves)}\n"
                + $"  of the kernel's: {string.Join(", ", _kernel.Leaves)}\n  of Cloister's: {string.Join(", ", _cloister.Leaves)}");
        }

        foreach (string leaf in _kernel.Leaves)
        {
            string word = leaf.Split(' ')[0];
            _leafCounts[word] = _leafCounts.GetValueOrDefault(word) + 1;
        }

        _kernel.Leaves.Clear();
        _cloister.Leaves.Clear();
    }

    // Which page of the EPC holds a page is the driver's affair: pages are known by their enclave and address.
    private void CompareEpc()
    {
        Dictionary<string, EpcPage> kernel = PagesOf(_kernel), cloister = PagesOf(_cloister);
        if (kernel.Count != cloister.Count || !kernel.Keys.All(cloister.ContainsKey))
        {
            throw Differ(
                $"pages of the kernel's driver only: {Only(kernel.Keys, cloister.Keys)}; of Cloister's only: {Only(cloister.Keys, kernel.Keys)}");
        }

        foreach ((string name, EpcPage page) in kernel)
        {
            // Version arrays are filled as each driver likes.
            if (!name.StartsWith("VA", StringComparison.Ordinal)
                && !_kernel.Machine.Memory[page].SequenceEqual(_cloister.Machine.Memory[cloister[name]]))
            {
                throw Differ($"the contents of {name} differ");
            }
        }
    }

    private static Dictionary<string, EpcPage> PagesOf(Side side)
    {
        var pages = new Dictionary<string, EpcPage>();
        int arrays = 0, virtuals = 0;
        for (int index = 0; index < side.Machine.Memory.PageCount; index++)
        {
            var page = new EpcPage(index);
            EpcmEntry entry = side.Machine.Epcm[page];
            if (entry.Valid)
            {
                string name = entry.PageType switch
                {
                    PageType.Va => $"VA {arrays++}",
                    PageType.Secs => $"SECS {IdentityOf(side, page)}",
                    _ => $"{IdentityOf(side, entry.EnclaveSecs)} {entry.EnclaveAddress.Value:x} {entry.SecinfoFlags:x} {(entry.Blocked ? "blocked" : "")}{(entry.EnclaveSecs.IsNone ? virtuals++ : "")}",
                };

                // A page that leaked, and the one that came in its place.
                while (!pages.TryAdd(name, page))
                {
                    name += " once more";
                }
            }
        }

        return pages;
    }

    // The number that the processor gave the enclave, which is written behind the fields of the manual: both count alike.
    private static string IdentityOf(Side side, EpcPage secs) =>
        Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(side.Machine.Memory[secs]).AsSpan(0, 6));

    private void CompareEntries()
    {
        foreach (Process process in _processes)
        {
            Dictionary<ulong, EpcPage> kernel = _kernel.Spaces[process.Number].Entries, cloister = _cloister.Spaces[process.Number].Entries;
            if (kernel.Count != cloister.Count || !kernel.Keys.All(cloister.ContainsKey))
            {
                throw Differ(
                    $"entries of process {process.Number} with the kernel's driver only: {Only(kernel.Keys, cloister.Keys)}; with Cloister's only: {Only(cloister.Keys, kernel.Keys)}");
            }

            foreach ((ulong page, EpcPage epc) in kernel)
            {
                EpcmEntry one = _kernel.Machine.Epcm[epc], other = _cloister.Machine.Epcm[cloister[page]];
                if (one.Valid != other.Valid || (one.Valid && one.EnclaveAddress != other.EnclaveAddress))
                {
                    throw Differ($"the entry of {page:x} in process {process.Number} shows other pages");
                }
            }
        }
    }

    private static string Only<T>(IEnumerable<T> some, IEnumerable<T> others)
    {
        List<T> left = [.. others];
        return string.Join(", ", some.Where(one => !left.Remove(one)).Take(4)
            .Select(one => one is ulong number ? $"{number:x}" : $"{one}"));
    }

    private OracleDifference Differ(string how) =>
        new($"{_name}, step {_history.Count}: {how}\n  " + string.Join("\n  ", _history.TakeLast(12)));
}

/// <summary>The two drivers do not do the same.</summary>
internal sealed class OracleDifference(string message) : Exception(message);
