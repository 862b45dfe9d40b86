using Cloister.Architecture;
using Cloister.Linux.Kernel;
using Cloister.Processor;

namespace Cloister.Kernel.Tests.Oracle;

/// <content>What is rare: memory that is not to be had, power that is lost, and leaves that give a code by order.</content>
internal sealed partial class World
{
    // Room for what a try may take, so that none of it is written out.
    private const int Plenty = 80;

    private readonly List<OpenFile> _lost = [];
    private bool _isMemoryScarce, _losesPowerNow;
    private int _sinceLoss;

    /// <summary>
    /// Whether the kernel's driver dereferenced NULL where it looks for a page that was not there to be written out after a loss of power
    /// (docs/explanation/kernel-races.md): nothing can be compared from then on.
    /// </summary>
    public bool EndedByLoss { get; private set; }

    // Codes that hardware gives by chance: an interrupt in EINIT, another leaf on the same page, contents that somebody has changed.
    private static InjectedLeaf[] SomeCodes(Random random)
    {
        long first = random.Next(1, 5), page = random.Next(1, 8), load = random.Next(1, 40);
        return
        [
            new(EnclsLeaf.Einit, null, SgxError.UnmaskedEvent, first, first + random.Next(4) switch { 0 => 1100, 1 => 30, _ => 3 }),
            new(EnclsLeaf.Emodpr, null, SgxError.PageNotModifiable, page, page),
            new(EnclsLeaf.Emodt, null, SgxError.PageNotModifiable, page, page),
            new(EnclsLeaf.Eldu, null, SgxError.MacCompareFail, load, load),
        ];
    }

    // Both remove an enclave's pages in the order of their addresses, then the SECS: the same ones leak.
    private InjectedLeaf[] Leaks(int after) => _leaks == 0 ? []
        : [new(EnclsLeaf.Eremove, null, SgxError.ChildPresent, after + 1, after + _leaks)];

    // What the kernel warns of then, and should.
    private bool IsExpected(string complaint) =>
        (_leaks > 0 && complaint.Contains("EREMOVE returned", StringComparison.Ordinal))
        || complaint.Contains("ELDU returned", StringComparison.Ordinal)
        || ((_lost.Count > 0 || _losesPowerNow) && complaint.Contains("EBLOCK returned", StringComparison.Ordinal));

    private bool HasMishap(Process process, OpenFile file, OpenFile begun)
    {
        if (_mishaps!.Next(16) != 0)
        {
            return false;
        }

        switch (_mishaps.Next(12))
        {
            case 0 when _losesPower && _mishaps.Next(5) == 0:
                LosePower();
                break;
            case 1 when _losesPower && _mishaps.Next(4) == 0:
                LosePowerIn(process, file, begun);
                break;
            case 2 when file.Base == 0:
                Scarce(() => Create(process, file));
                break;
            case 3 or 4 when begun.Base != 0:
                Scarce(() => AddOnePage(process, begun, _mishaps.Next(2) == 0));
                break;
            case 5:
                Scarce(() => Initialise(process, begun));
                break;
            case 6 when file.Base == 0:
                // An enclave that is right, and each of its ioctls without memory first.
                Scarce(() => Build(process, file));
                break;
            case >= 7:
                Scarce(() => Touch(process));
                break;
            default:
                break;
        }

        return true;
    }

    private void Scarce(Action act)
    {
        _isMemoryScarce = _kernel.Machine.Memory.PageCount - _kernel.Machine.ValidPages > Plenty;
        act();
        _isMemoryScarce = false;
    }

    // The first allocation fails, then the second, and so on until there is none to fail: nothing of a try must be left, so that at last
    // both are as if it had not been. What of a mapping is done before the driver is asked is done for good, and the notifier of an address
    // space leaks when it cannot be registered (kernel-races.md, 4): that has its own scenario.
    private string WithoutMemory(Func<Side, string> act, string what)
    {
        bool isTried = _isMemoryScarce && what.Split(' ')[0] is "CREATE" or "ADD_PAGES" or "INIT" or "fault";
        for (int number = 1; isTried; number++)
        {
            int before = _kernel.Leaves.Count;
            string result = _kernel.WithoutAllocation(number, () => act(_kernel), out bool hasFailed);
            if (!hasFailed || result.StartsWith('0') || result is "NoPage" or "there")
            {
                return result;
            }

            // ENOMEM; a page's own fault has its words.
            if (!result.StartsWith("-12 ", StringComparison.Ordinal) && result is not ("Oom" or "Sigbus"))
            {
                throw Differ($"without allocation {number} the kernel's driver gives {result}");
            }

            // A version array that nobody needed has gone again; with a page that was added it stays.
            if (!_kernel.Leaves.Skip(before).Any(leaf => leaf.StartsWith("Eaug", StringComparison.Ordinal)))
            {
                _kernel.Leaves.RemoveRange(before, _kernel.Leaves.Count - before);
            }

            Counts["scarce"] = Counts.GetValueOrDefault("scarce") + 1;
        }

        return act(_kernel);
    }

    private void AddOnePage(Process process, OpenFile file, bool isMeasured)
    {
        byte[] contents = new byte[4096];
        _mishaps!.NextBytes(contents);
        Everywhere(SourceAt, contents);
        Everywhere(SecinfoAt, Bytes(0x203, 0, 0, 0, 0, 0, 0, 0));
        Ioctl(process, file, "ADD_PAGES", Number(3, 1, 48), Arguments,
            Bytes(SourceAt, (ulong)_mishaps.Next(40) * Page, Page, SecinfoAt, isMeasured ? 1ul : 0, 0));
    }

    private void LosePower()
    {
        Both("power loss", side =>
        {
            foreach (EnclaveThread thread in side.Threads.Values)
            {
                thread.Interrupt();
            }

            side.Machine.LosePower();
            return "";
        }, NoteLoss);
    }

    // As a guest of a virtual machine that is moved elsewhere may find it: at a leaf, in the middle of an ioctl.
    private void LosePowerIn(Process process, OpenFile file, OpenFile begun)
    {
        _kernel.PowerAfter = _cloister.PowerAfter = _mishaps!.Next(1, 3);
        _losesPowerNow = true;
        switch (_mishaps.Next(4))
        {
            case 0:
                Range("RESTRICT_PERMISSIONS", process, file, 5, 1, 40);
                break;
            case 1:
                Range("MODIFY_TYPES", process, file, 6, 4, 40);
                break;
            case 2 when begun.Base != 0:
                // Between EADD and EEXTEND the kernel's driver would lose count of its pages (kernel-races.md, 7).
                AddOnePage(process, begun, isMeasured: false);
                break;
            default:
                Touch(process);
                break;
        }

        bool isLost = _kernel.PowerAfter == 0;
        _kernel.PowerAfter = _cloister.PowerAfter = -1;
        _losesPowerNow = false;
        if (isLost)
        {
            NoteLoss();
        }
    }

    private void NoteLoss()
    {
        _sinceLoss = 0;
        _lost.AddRange(_files.Where(file => !_lost.Contains(file) && file.Device != "sgx_provision"));
    }

    // Enclaves that were lost are looked at for a while, and then given up, as programs do.
    private bool GiveUpLost()
    {
        if (_lost.Count == 0 || ++_sinceLoss < 40)
        {
            return false;
        }

        OpenFile file = _lost[^1];
        foreach (Process process in _processes.ToArray())
        {
            ulong[] pages = [.. process.Pages.Where(pair => pair.Value.File == file).Select(pair => pair.Key)];
            for (int first = 0, next = 1; first < pages.Length; next++)
            {
                if (next == pages.Length || pages[next] != pages[next - 1] + 1)
                {
                    Unmap(process, pages[first] << 12, (pages[next - 1] + 1) << 12);
                    first = next;
                }
            }
        }

        if (file.IsOpen)
        {
            Close(file);
        }

        _lost.Remove(file);
        return true;
    }

    // A step that the kernel's driver does not survive, where that is known.
    private bool Survives(Action step)
    {
        try
        {
            step();
        }
        catch (KernelDriverException failure)
        {
            EndedByLoss = (_lost.Count > 0 || _losesPowerNow)
                && failure.Message.StartsWith("BUG: kernel NULL pointer dereference, address: 00000000000000", StringComparison.Ordinal);
            if (!EndedByLoss)
            {
                throw Differ($"{failure.Message}, at {string.Join(' ', failure.Frames.Select(frame => $"{frame:x}"))} of the library");
            }
        }

        return !EndedByLoss;
    }
}
