using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Observers;
using Cloister.Engine.Options;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Cli.Explaining;

/// <summary>
/// Says of each distinct failure once what was tried, where, which check refused it with which values, and what usually causes it.
/// </summary>
internal sealed class Explainer : IMachineObserver, IDriverObserver, IEngineObserver, IDisposable
{
    // What comes beyond is counted only: who reads a thousand explanations?
    private const int MostExplained = 200;

    private readonly SgxMachine _machine;
    private readonly ISgxDriver _driver;
    private readonly IMachineObserver _next;
    private readonly Action<string> _line;
    private readonly CodeNames _names;
    private readonly Dictionary<IoctlOperation, RunningCall> _calls = [];
    private readonly Dictionary<LogicalProcessor, FailedLeaf> _failed = [];
    private readonly Dictionary<LogicalProcessor, (ulong Rip, LinearAddress Address)> _inside = [];
    private readonly Dictionary<string, long> _told = [];
    private IObservedThread? _working;
    private EnclsLeaf? _refusedBy;
    private (EnclsLeaf Leaf, LeafResult Result)? _failedByDriver, _failedInFault;
    private long _untold;

    /// <summary>Makes one for a machine that runs nothing yet.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="driver">Its driver.</param>
    /// <param name="line">Where a line goes.</param>
    public Explainer(SgxMachine machine, ISgxDriver driver, Action<string> line)
    {
        (_machine, _driver, _next, _line) = (machine, driver, machine.Observer, line);
        _names = new CodeNames(machine);
        machine.Observer = this;
    }

    /// <summary>The files that may be an enclave's.</summary>
    public IReadOnlyList<string> Files => _names.Files.Candidates;

    /// <summary>A file that may be an enclave's.</summary>
    public void Note(string path) => _names.Files.Note(path);

    /// <summary>The run has ended: how often what was explained came again.</summary>
    public void Finish()
    {
        foreach ((string what, long times) in _told.Where(told => told.Value > 1).OrderByDescending(told => told.Value))
        {
            _line($"{what}: {times} times, explained once");
        }

        if (_untold > 0)
        {
            _line($"{_untold} more failures were not explained");
        }
    }

    public void Dispose() => _names.Dispose();

    public void Working(IObservedThread? thread)
    {
        _working = thread;
        if (thread is { Processor.EnclaveMode: true })
        {
            _inside[thread.Processor] = (thread.Rip, default);
        }
    }

    public void FileOpening(IObservedThread thread, string path) => _names.Files.Note(path);

    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
        _next.EnclsExecuted(leaf, page, address, result);
        if (!result.IsSuccess)
        {
            _failedByDriver = (leaf, result);
            _machine.Refusal = default;
            if (leaf == EnclsLeaf.Eremove && _machine.Injection is { } order)
            {
                // Nobody is told otherwise: the driver returns nothing of it.
                TellOrder($"--inject {MachineNames.Of(order)}",
                    "Linux warns of it in its log, and gives an enclave's page to nobody any more, and the SECS that the page holds neither");
            }
        }
    }

    public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found)
    {
        _next.EnclaveRefused(leaf, secs, sigstruct, field, expected, found);
        _refusedBy = leaf;
    }

    public void KeyRequested(in Keyrequest request, LeafResult result) => _next.KeyRequested(in request, result);

    public void Measured(EpcPage page, LinearAddress address, int length) => _next.Measured(page, address, length);

    public void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result)
    {
        _next.EncluExecuted(leaf, processor, address, result);
        if (result.IsSuccess)
        {
            if (_failed.Count > 0)
            {
                _ = _failed.Remove(processor);
            }

            return;
        }

        (LeafRefusal refusal, _machine.Refusal) = (_machine.Refusal, default);
        if (result.Status == LeafStatus.Fault)
        {
            // The driver may resolve it yet.
            _failed[processor] = new FailedLeaf(leaf, address, result, refusal);
            return;
        }

        if (_working is { } thread && thread.Processor == processor)
        {
            TellLeaf(thread, leaf, address, result, refusal, entry: false);
        }
    }

    public void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address)
    {
        _next.AexTaken(processor, vector, errorCode, address);
        if (vector is not null && _inside.TryGetValue(processor, out (ulong Rip, LinearAddress Address) inside))
        {
            _inside[processor] = (inside.Rip, address);
        }
    }

    public void IoctlBegan(IoctlOperation operation, string? name, uint command, ulong argument, IOpenEnclave? enclave)
    {
        (_failedByDriver, _refusedBy) = (null, null);
        if (!operation.IsDone)
        {
            _driver.Refusal = default;
        }

        if (_working is { } thread)
        {
            _calls[operation] = new RunningCall(thread, name ?? $"0x{command:x8}", enclave);
        }
    }

    public void FaultBegan(IOpenEnclave? enclave, LinearAddress address, AccessKind access) =>
        (_failedByDriver, _failedInFault) = (null, null);

    public void FaultEnded(VmFault result) => _failedInFault = result == VmFault.NoPage ? null : _failedByDriver;

    public void Injected(InjectedFailure failure)
    {
        string? what = failure.Kind switch
        {
            InjectedKind.AugmentRace =>
                "another thread has added this page first, and this one gets SIGBUS, as from Linux (docs/explanation/kernel-races.md, 1)",
            InjectedKind.SlowLoad => "a page takes longer to load",
            InjectedKind.Eviction => "a batch of pages is written out before this page fault is answered",
            InjectedKind.FlippedBit => "a bit of a page that was written out is another: its MAC is wrong, and the page is lost",
            InjectedKind.EpcSize => $"the EPC has {failure.Pages} pages to give now; what is beyond is written out, but for what cannot be",
            InjectedKind.PageEviction when failure.HasMissed => "no enclave has such a page in the EPC that can be written out now",
            InjectedKind.PageEviction => "the page is written out",
            _ => null, // it is explained where it comes out
        };
        if (what is not null)
        {
            TellOrder($"--inject {MachineNames.Of(failure)}", what);
        }
    }

    public void Ordered(IObservedThread? thread, OrderedEvent what, string by) => TellOrder(by, what switch
    {
        OrderedEvent.Interrupt => $"thread {thread?.Id} takes an asynchronous exit there",
        _ => "the machine loses power: the EPC is empty, and every enclave gone",
    });

    private void TellOrder(string by, string what)
    {
        if (IsNew(by))
        {
            _line($"{by}: {what}");
        }
    }

    public void IoctlEnded(IoctlOperation operation)
    {
        if (!_calls.Remove(operation, out RunningCall? call) || operation.IsAbandoned)
        {
            return;
        }

        (IoctlRefusal refusal, _driver.Refusal) = (_driver.Refusal, default);
        if (operation.Result == 0 || (operation.Result > 0 && (call.Enclave is null || refusal.Rule == IoctlRule.None)))
        {
            return; // above zero REMOVE_ALL of the virtual EPC counts what it left
        }

        (string errno, string outcome) = Outcome(operation.Result, refusal.Rule);
        if (refusal.Rule == IoctlRule.NoSignal || -operation.Result == (long)Driver.DriverError.ERESTARTSYS)
        {
            // The call comes again, or the program wants it so.
            return;
        }

        string what = $"{call.Name} gave {errno}";
        if (!IsNew($"{what}{Rule(IoctlCases.Text(refusal.Rule))}"))
        {
            return;
        }

        List<string> lines = [];
        if (refusal.Rule != IoctlRule.None && _refusedBy is null)
        {
            lines.Add($"must hold: {IoctlCases.Text(refusal.Rule)}{(IoctlCases.Values(in refusal) is { } values ? $"; here {values}" : "")}");
        }

        if (_failedByDriver is { } failed && refusal.Rule is IoctlRule.LeafSucceeds or IoctlRule.SecsLegal or IoctlRule.None)
        {
            lines.Add(OfDriver(failed.Leaf, failed.Result));
        }

        Tell(call.Thread, $"{what}{(call.Enclave is { Eid: not 0 and var eid } ? $" on enclave {eid}" : "")}", _names.Host(call.Thread),
            lines, IoctlCases.Causes(call.Name, outcome));
        _refusedBy = null;
    }

    // The drivers before v20 return above zero what EINIT and its like said, how many bytes they could not copy, and that power was lost.
    private static (string Text, string Case) Outcome(long result, IoctlRule rule)
    {
        string errno = result < 0 ? MachineNames.OfErrno((int)-result) : "";
        return result < 0 ? (errno, errno) : rule switch
        {
            IoctlRule.PowerKept => (IoctlCases.PowerLost, IoctlCases.PowerLost),
            IoctlRule.LeafSucceeds => (MachineNames.Of((SgxError)result), IoctlCases.LeafError),
            IoctlRule.OperandReadable => ($"{result}, {IoctlCases.Uncopied}", IoctlCases.Uncopied),
            _ => ($"{MachineNames.OfErrno((int)result)}, without a minus", MachineNames.OfErrno((int)result)),
        };
    }

    public void ExceptionRaised(IObservedThread thread, in RaisedException exception)
    {
        if (exception.Vector is ExceptionVector.Debug or ExceptionVector.Breakpoint)
        {
            return;
        }

        if (_failed.Remove(thread.Processor, out FailedLeaf? failed) && failed.Result.Fault.Vector == exception.Vector)
        {
            bool entry = failed.Leaf is EncluLeaf.Eenter or EncluLeaf.Eresume;
            TellLeaf(thread, failed.Leaf, failed.Address, failed.Result, failed.Refusal, entry);
            return;
        }

        (LeafRefusal refusal, _machine.Refusal) = (_machine.Refusal, default);
        if (exception.Vector == ExceptionVector.GeneralProtection && refusal.Rule is LeafRule.Offered or LeafRule.EnclaveMode)
        {
            TellLeaf(thread, (EncluLeaf)(uint)refusal.Found, default, LeafResult.GeneralProtection, refusal,
                entry: !_inside.ContainsKey(thread.Processor));
            return;
        }

        if (_inside.TryGetValue(thread.Processor, out (ulong Rip, LinearAddress Address) inside))
        {
            TellInside(thread, in exception, inside.Rip, inside.Address.Value != 0 ? inside.Address : exception.Address);
        }
    }

    public void ThreadEnded(IObservedThread thread, ProgramEnd ended)
    {
        _ = _failed.Remove(thread.Processor);
        _ = _inside.Remove(thread.Processor);
        _working = _working == thread ? null : _working;

        // Only of those that have used an enclave; SIGKILL is somebody's will.
        if (ended.Signal is { } signal and not Signal.SIGKILL && thread.Id == thread.ProcessId && thread.Processor.Eid != 0)
        {
            string what = $"process {thread.ProcessId} was ended by {MachineNames.OfSignal(signal)}";
            if (IsNew($"a process was ended by {MachineNames.OfSignal(signal)}"))
            {
                Tell(null, what, null, [], ExceptionCases.Causes("the program", "ended by a signal"));
            }
        }
    }

    private void TellLeaf(IObservedThread thread, EncluLeaf leaf, LinearAddress address, LeafResult result, LeafRefusal refusal, bool entry)
    {
        (string name, string outcome) = (MachineNames.Of(leaf), MachineNames.Of(in result));
        PageTrouble? trouble = result.Status == LeafStatus.Fault && result.Fault.Vector == ExceptionVector.PageFault && !entry
            ? PageTrouble.Of(_machine, thread, result.Fault.Address, (PageFaultErrorCode)result.Fault.ErrorCode)
            : null;
        string what = $"{name} gave {outcome}";
        if (!IsNew($"{what}{Rule(LeafCases.Text(refusal.Rule))}{Rule(trouble?.How ?? "")}"))
        {
            return;
        }

        List<string> lines = [];
        if (refusal.Rule != LeafRule.None)
        {
            lines.Add($"must hold: {LeafCases.Text(refusal.Rule)}{(LeafCases.Values(in refusal) is { } values ? $"; here {values}" : "")}");
        }

        if (trouble is not null)
        {
            lines.Add($"{trouble.How}: {trouble.Values}");
        }
        else if (result.Status == LeafStatus.Fault && result.Fault.Vector == ExceptionVector.PageFault)
        {
            lines.Add($"at 0x{result.Fault.Address.Value:x}");
        }

        AddFailureInFault(lines, result.Status == LeafStatus.Fault);

        bool anyLeaf = refusal.Rule is LeafRule.Offered or LeafRule.EnclaveMode;
        string? place = entry ? _names.Host(thread) : _inside.TryGetValue(thread.Processor, out (ulong Rip, LinearAddress Address) inside)
            ? _names.Inside(thread, inside.Rip) : null;
        Tell(thread, address.Value == 0 ? what : $"{what} for 0x{address.Value:x}", place, lines,
            LeafCases.Causes(anyLeaf ? "any ENCLU leaf" : name, outcome));
    }

    private void TellInside(IObservedThread thread, in RaisedException exception, ulong rip, LinearAddress address)
    {
        string vector = MachineNames.Of(exception.Vector);
        PageTrouble? trouble = exception.Vector == ExceptionVector.PageFault
            ? PageTrouble.Of(_machine, thread, address, (PageFaultErrorCode)exception.ErrorCode) : null;
        bool isNotBrought = trouble is { How: PageTrouble.NoPage }
            && (exception.Signal == Signal.SIGBUS || _failedInFault is not null || HasPage(thread.Processor.Eid, address));
        trouble = isNotBrought ? trouble! with { How = PageTrouble.NotBrought } : trouble;
        string way = exception.Way switch
        {
            ExceptionWay.Vdso => "told to the caller of the vDSO",
            ExceptionWay.RegisteredHandler => "told to the registered handler",
            _ => MachineNames.OfSignal(exception.Signal),
        };
        if (IsNew($"{vector} inside, at 0x{rip - thread.Processor.EnclaveBase.Value:x} of enclave {thread.Processor.Eid}{Rule(trouble?.How ?? "")}"))
        {
            List<string> lines = trouble is null ? [] : [$"{trouble.How}: {trouble.Values}"];
            AddFailureInFault(lines, trouble?.How == PageTrouble.NotBrought);
            Tell(thread, $"{vector} inside ({way})", _names.Inside(thread, rip), lines,
                ExceptionCases.Causes($"{vector} inside", trouble?.How ?? ""));
        }
    }

    private bool HasPage(ulong eid, LinearAddress address) =>
        _driver.Enclaves.FirstOrDefault(known => known.Eid == eid) is { } enclave && _driver.HasPage(enclave, address);

    // The leaf that the driver could not do without when it was asked for the page.
    private void AddFailureInFault(List<string> lines, bool isMissing)
    {
        if (isMissing && _failedInFault is { } failed)
        {
            lines.Add(OfDriver(failed.Leaf, failed.Result));
        }

        _failedInFault = null;
    }

    private static string OfDriver(EnclsLeaf executed, LeafResult result)
    {
        string leaf = MachineNames.Of(executed), outcome = MachineNames.Of(in result);
        return $"{leaf} gave {outcome}{(LeafCases.Causes(leaf, outcome) is { } why ? $": {why}" : "")}";
    }

    private static string Rule(string text) => text.Length == 0 ? "" : $" ({text})";

    private bool IsNew(string what)
    {
        if (_told.TryGetValue(what, out long times))
        {
            _told[what] = times + 1;
            return false;
        }

        if (_told.Count >= MostExplained)
        {
            _untold++;
            return false;
        }

        _told[what] = 1;
        return true;
    }

    private void Tell(IObservedThread? thread, string what, string? place, List<string> lines, string? causes)
    {
        _line(what + (thread is null ? "" : $", thread {thread.Id}") + (place is null ? "" : $", at {place}"));
        foreach (string line in lines)
        {
            _line("  " + line);
        }

        if (causes is not null)
        {
            _line($"  usually: {causes}");
        }
    }

    private sealed record RunningCall(IObservedThread Thread, string Name, IOpenEnclave? Enclave);

    private sealed record FailedLeaf(EncluLeaf Leaf, LinearAddress Address, LeafResult Result, LeafRefusal Refusal);
}
