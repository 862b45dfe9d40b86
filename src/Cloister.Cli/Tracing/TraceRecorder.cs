using System.Diagnostics;
using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Observers;
using Cloister.Engine.Options;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Cli.Tracing;

/// <summary>Hears what processor, driver and engine do, and makes one stream of events of it.</summary>
internal sealed class TraceRecorder : IMachineObserver, IDriverObserver, IEngineObserver
{
    private readonly SgxMachine _machine;
    private readonly IMachineObserver _next;
    private readonly ITraceSink[] _sinks;
    private readonly TraceKinds _kinds;
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly Dictionary<LogicalProcessor, ThreadVisit> _threads = [];
    private readonly Dictionary<IoctlOperation, (TraceEvent Began, IOpenEnclave? Enclave)> _ioctls = [];
    private readonly Dictionary<int, ulong> _lastEnclave = []; // by the page of its SECS
    private TraceEvent? _extending;
    private IObservedThread? _working, _before;
    private bool _following;
    private bool _injected; // what ends next ends so by order
    private (TraceEvent Began, string? By)? _fault;

    private TraceRecorder(SgxMachine machine, ITraceSink[] sinks)
    {
        (_machine, _next, _sinks) = (machine, machine.Observer, sinks);
        foreach (ITraceSink sink in sinks)
        {
            _kinds |= sink.Kinds;
        }
    }

    /// <summary>Nanoseconds since the run began.</summary>
    public long Now => (long)((Stopwatch.GetTimestamp() - _began) * (1e9 / Stopwatch.Frequency));

    /// <summary>Begins to listen to a machine that runs nothing yet.</summary>
    /// <remarks>What driver and engine tell is for the caller to pass on.</remarks>
    public static TraceRecorder Begin(SgxMachine machine, params ITraceSink[] sinks)
    {
        var recorder = new TraceRecorder(machine, sinks);
        machine.Observer = recorder;
        return recorder;
    }

    /// <summary>Gives away what is held back until more of it comes.</summary>
    public void Finish()
    {
        if (_extending is { } held)
        {
            _extending = null;
            Give(in held);
        }
    }

    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
        _next.EnclsExecuted(leaf, page, address, result);
        NoteOrder(in result);
        bool pages = leaf is EnclsLeaf.Eblock or EnclsLeaf.Etrack or EnclsLeaf.Etrackc or EnclsLeaf.Ewb or EnclsLeaf.Eldu or EnclsLeaf.Elduc
            or EnclsLeaf.Eldb or EnclsLeaf.Eldbc or EnclsLeaf.Epa;
        TraceKinds kind = pages ? TraceKinds.Paging : TraceKinds.Encls;
        if (_fault is var (began, _) && leaf is EnclsLeaf.Eaug or EnclsLeaf.Eldu or EnclsLeaf.Eldb && result.IsSuccess
            && address.PageBase == new LinearAddress(began.Address).PageBase)
        {
            _fault = (began, MachineNames.Of(leaf));
        }

        if ((_kinds & kind) == 0)
        {
            _ = EnclaveOf(leaf, page);
            return;
        }

        TraceEvent happened = New(kind, MachineNames.Of(leaf)) with
        {
            Enclave = EnclaveOf(leaf, page),
            Address = address.Value,
            Outcome = OutcomeOf(in result),
            Page = result.IsSuccess && ChangesPage(leaf) ? EntryOf(page) : null,
        };
        if (leaf == EnclsLeaf.Ecreate && result.IsSuccess)
        {
            ref readonly Secs secs = ref MemoryMarshal.AsRef<Secs>(_machine.Memory[page]);
            happened = happened with { Address = secs.BaseAddr, Length = secs.Size };
        }

        if (leaf == EnclsLeaf.Eextend && result.IsSuccess)
        {
            // Sixteen to a page: told as one.
            happened = happened with { Address = address.PageBase.Value };
            if (_extending is { } held && held.Address == happened.Address && held.Enclave == happened.Enclave
                && held.Thread == happened.Thread)
            {
                _extending = happened with { Count = held.Count + 1 };
                return;
            }

            Finish();
            _extending = happened;
            return;
        }

        Tell(in happened);
    }

    public void Measured(EpcPage page, LinearAddress address, int length) => _next.Measured(page, address, length);

    public void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result)
    {
        _next.EncluExecuted(leaf, processor, address, result);
        NoteOrder(in result);
        ThreadVisit? visit = _threads.GetValueOrDefault(processor);

        // One that faulted in EENTER or ERESUME may have been in another enclave last.
        ulong enclave = result.IsSuccess || processor.EnclaveMode ? processor.Eid : 0;
        long inside = -1;
        long now = Now;
        if (visit is not null && result.IsSuccess)
        {
            if (leaf is EncluLeaf.Eenter or EncluLeaf.Eresume)
            {
                visit.Since = now;
            }
            else if (leaf == EncluLeaf.Eexit)
            {
                inside = visit.Leave(now);
            }
        }

        if ((_kinds & TraceKinds.Enclu) != 0)
        {
            Tell(New(TraceKinds.Enclu, MachineNames.Of(leaf), visit?.Thread) with
            {
                Time = now,
                Enclave = enclave,
                Address = address.Value,
                Outcome = OutcomeOf(in result),
                Page = result.IsSuccess && leaf is EncluLeaf.Eaccept or EncluLeaf.Eacceptcopy or EncluLeaf.Emodpe
                    ? EntryOf(visit?.Thread, processor, address.PageBase) : null,
                Duration = inside,
            });
        }
    }

    public void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address)
    {
        _next.AexTaken(processor, vector, errorCode, address);
        ThreadVisit? visit = _threads.GetValueOrDefault(processor);
        long now = Now;
        long inside = visit?.Leave(now) ?? -1;
        if ((_kinds & TraceKinds.Exit) != 0)
        {
            Tell(New(TraceKinds.Exit, "AEX", visit?.Thread) with
            {
                Time = now,
                Enclave = processor.Eid,
                Address = vector == ExceptionVector.PageFault ? address.Value : processor.ExitedAt.Value,
                Detail = vector is { } exception ? MachineNames.Of(exception) : "interrupt",
                Duration = inside,
            });
        }
    }

    public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found) =>
        _next.EnclaveRefused(leaf, secs, sigstruct, field, expected, found);

    public void KeyRequested(in Keyrequest request, LeafResult result) => _next.KeyRequested(in request, result);

    public void IoctlBegan(IoctlOperation operation, string? name, uint command, ulong argument, IOpenEnclave? enclave)
    {
        if ((_kinds & TraceKinds.Ioctl) != 0)
        {
            _ioctls[operation] = (New(TraceKinds.Ioctl, name ?? $"0x{command:x}") with { Address = argument }, enclave);
        }
    }

    public void IoctlEnded(IoctlOperation operation)
    {
        string byOrder = TakeInjected();
        if (_ioctls.Remove(operation, out (TraceEvent Began, IOpenEnclave? Enclave) call))
        {
            long now = Now;
            Tell(call.Began with
            {
                Time = now,
                Duration = now - call.Began.Time,
                Enclave = call.Enclave?.Eid ?? 0,
                Outcome = operation.IsAbandoned ? "?" : MachineNames.OfResult(operation.Result) + byOrder,
            });
        }
    }

    public void FaultBegan(IOpenEnclave? enclave, LinearAddress address, AccessKind access)
    {
        if ((_kinds & TraceKinds.Fault) != 0)
        {
            _fault = (New(TraceKinds.Fault, "page fault") with
            {
                Address = address.Value,
                Enclave = enclave?.Eid ?? 0,
                Detail = access switch { AccessKind.Write => "write", AccessKind.Execute => "execute", _ => "read" },
            }, null);
        }
    }

    public void FaultEnded(VmFault result)
    {
        string byOrder = TakeInjected();
        if (_fault is var (began, by))
        {
            _fault = null;
            long now = Now;
            Tell(began with
            {
                Time = now,
                Duration = now - began.Time,
                Outcome = (result == VmFault.NoPage ? by ?? "mapped" : "SIGBUS") + byOrder,
            });
        }
    }

    public void Injected(InjectedFailure failure)
    {
        // What happens at a moment is nothing that the ioctl or the fault came to.
        _injected |= failure.Kind is not (InjectedKind.EpcSize or InjectedKind.PageEviction);
        Order(null, $"--inject {MachineNames.Of(failure)}", failure.HasMissed ? "nothing to do" : null);
    }

    public void Ordered(IObservedThread? thread, OrderedEvent what, string by) => Order(
        thread, by, what == OrderedEvent.Interrupt ? null : "the machine loses power");

    public void Working(IObservedThread? thread)
    {
        _working = thread;
        if (thread is not null)
        {
            _ = Visit(thread);
        }
    }

    public void FastPathsUsed(IObservedThread thread, long entries, long resumptions, long exits)
    {
        Visit(thread).Since = -1;
        if ((_kinds & TraceKinds.Fast) != 0)
        {
            Fast(thread, "EENTER", entries);
            Fast(thread, "ERESUME", resumptions);
            Fast(thread, "EEXIT", exits);
        }
    }

    public void Following(IObservedThread? thread)
    {
        // For that thread processor and driver work meanwhile.
        (_working, _before) = thread is not null ? (thread, _working) : (_before, null);
        _following = thread is not null;
        if (thread is not null)
        {
            _ = Visit(thread);
        }
    }

    public void ExceptionRaised(IObservedThread thread, in RaisedException exception)
    {
        if ((_kinds & TraceKinds.Exception) != 0)
        {
            string outcome = exception.Way switch
            {
                ExceptionWay.Vdso => "vDSO",
                ExceptionWay.RegisteredHandler => "registered handler",
                _ => MachineNames.OfSignal(exception.Signal),
            };
            Tell(New(TraceKinds.Exception, MachineNames.Of(exception.Vector), thread) with
            {
                Address = exception.Address.Value,
                Outcome = outcome,
            });
        }
    }

    public void SignalDelivered(IObservedThread thread, int signal)
    {
        if ((_kinds & TraceKinds.Signal) != 0)
        {
            Tell(New(TraceKinds.Signal, MachineNames.OfSignal(signal), thread));
        }
    }

    public void MappingCalled(IObservedThread thread, in MappingCall call, long result)
    {
        if ((_kinds & TraceKinds.Mapping) != 0)
        {
            Tell(New(TraceKinds.Mapping, call.Name, thread) with
            {
                Address = call.Name == "mmap" && result is >= 0 or < -4095 ? unchecked((ulong)result) : call.Start,
                Length = call.Length,
                Enclave = call.Eid,
                Outcome = MachineNames.OfResult(result),
                Detail = call.Name is "mmap" or "mprotect" or "pkey_mprotect" ? ProtectionText(call.Protection)
                    : call.Name == "madvise" ? $"advice {call.Protection}" : null,
            });
        }
    }

    public void PowerLost()
    {
        if ((_kinds & TraceKinds.Power) != 0)
        {
            Tell(New(TraceKinds.Power, "power loss") with { Process = 0, Thread = 0 });
        }
    }

    public void ThreadBegan(IObservedThread thread, IObservedThread? parent)
    {
        _ = Visit(thread);
        if ((_kinds & TraceKinds.Process) != 0)
        {
            Tell(New(TraceKinds.Process, thread.Id == thread.ProcessId ? "fork" : "clone", thread) with
            {
                Detail = parent is null ? null : $"by {parent.Id}",
            });
        }
    }

    public void Executed(IObservedThread thread)
    {
        if ((_kinds & TraceKinds.Process) != 0)
        {
            Tell(New(TraceKinds.Process, "exec", thread) with { Detail = Executable(thread.ProcessId) });
        }
    }

    public void ThreadEnded(IObservedThread thread, ProgramEnd how)
    {
        if ((_kinds & TraceKinds.Process) != 0)
        {
            Tell(New(TraceKinds.Process, "end", thread) with
            {
                Detail = how.Signal is { } signal ? $"by {MachineNames.OfSignal(signal)}" : $"with exit status {how.ExitStatus ?? 0}",
            });
        }

        _ = _threads.Remove(thread.Processor);
        _working = _working == thread ? null : _working;
    }

    private void Order(IObservedThread? thread, string name, string? detail)
    {
        if ((_kinds & TraceKinds.Order) != 0)
        {
            Tell(New(TraceKinds.Order, name, thread) with { Detail = detail });
        }
    }

    private void Fast(IObservedThread thread, string name, long count)
    {
        if (count > 0)
        {
            Tell(New(TraceKinds.Fast, name, thread) with { Count = count, Earlier = true });
        }
    }

    private ThreadVisit Visit(IObservedThread thread)
    {
        if (!_threads.TryGetValue(thread.Processor, out ThreadVisit? visit))
        {
            _threads[thread.Processor] = visit = new ThreadVisit(thread);
        }

        return visit;
    }

    private string OutcomeOf(in LeafResult result) =>
        result.Status == LeafStatus.Error && _machine.Injection is not null ? MachineNames.Of(result.Error) + " (injected)"
            : MachineNames.Of(in result);

    private void NoteOrder(in LeafResult result)
    {
        if (result.Status == LeafStatus.Error && _machine.Injection is { } order)
        {
            Order(null, $"--inject {MachineNames.Of(order)}", null);
        }
    }

    private string TakeInjected()
    {
        string told = _injected ? " (injected)" : "";
        _injected = false;
        return told;
    }

    private TraceEvent New(TraceKinds kind, string name, IObservedThread? thread = null)
    {
        thread ??= _working;
        return new TraceEvent
        {
            Kind = kind,
            Name = name,
            Time = Now,
            Duration = -1,
            Process = thread?.ProcessId ?? 0,
            Thread = thread?.Id ?? 0,
            Count = 1,
            Earlier = _following,
        };
    }

    // The page of a SECS that is gone, or of what was taken out, still says whose it was.
    private ulong EnclaveOf(EnclsLeaf leaf, EpcPage page)
    {
        if (page.IsNone || !_machine.Epcm.Contains(page))
        {
            return 0;
        }

        ref readonly EpcmEntry entry = ref _machine.Epcm[page];
        EpcPage secs = entry.PageType == PageType.Secs || entry.EnclaveSecs.IsNone ? page : entry.EnclaveSecs;
        ulong known = _machine.EidOf(secs);
        if (known != 0)
        {
            _lastEnclave[secs.Index] = known;
            return known;
        }

        return entry.PageType == PageType.Va || leaf == EnclsLeaf.Epa ? 0 : _lastEnclave.GetValueOrDefault(secs.Index);
    }

    private static bool ChangesPage(EnclsLeaf leaf) => leaf is EnclsLeaf.Ecreate or EnclsLeaf.Eadd or EnclsLeaf.Eaug or EnclsLeaf.Emodpr
        or EnclsLeaf.Emodt or EnclsLeaf.Eblock or EnclsLeaf.Eldu or EnclsLeaf.Eldb or EnclsLeaf.Elduc or EnclsLeaf.Eldbc or EnclsLeaf.Epa;

    private string? EntryOf(EpcPage page) => !page.IsNone && _machine.Epcm.Contains(page)
        && _machine.Epcm[page] is { Valid: true } entry ? MachineNames.OfEntry(entry.SecinfoFlags, entry.Blocked) : null;

    // Of a leaf of ENCLU an address is told: the page is where the thread's process has it.
    private string? EntryOf(IObservedThread? thread, LogicalProcessor processor, LinearAddress address)
    {
        EpcPage page = thread?.PageAt(address.Value).Page ?? EpcPage.None;
        return !page.IsNone && _machine.Epcm.Contains(page) && _machine.Epcm[page].EnclaveSecs == processor.Secs
            && _machine.Epcm[page].EnclaveAddress == address ? EntryOf(page) : null;
    }

    private void Tell(in TraceEvent happened)
    {
        Finish();
        Give(in happened);
    }

    private void Give(in TraceEvent happened)
    {
        foreach (ITraceSink sink in _sinks)
        {
            if ((sink.Kinds & happened.Kind) != 0)
            {
                sink.Take(in happened);
            }
        }
    }

    private static string ProtectionText(int protection) => protection == 0 ? "PROT_NONE" : string.Join('|', Parts(protection));

    private static IEnumerable<string> Parts(int protection)
    {
        if ((protection & MemoryProtection.Read) != 0)
        {
            yield return "PROT_READ";
        }

        if ((protection & MemoryProtection.Write) != 0)
        {
            yield return "PROT_WRITE";
        }

        if ((protection & MemoryProtection.Execute) != 0)
        {
            yield return "PROT_EXEC";
        }
    }

    private static string? Executable(int process)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{process}/exe", returnFinalTarget: false)?.FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A thread, and since when it is inside.</summary>
    private sealed class ThreadVisit(IObservedThread thread)
    {
        public IObservedThread Thread { get; } = thread;

        /// <summary>When it entered; -1 where that was not seen.</summary>
        public long Since { get; set; } = -1;

        /// <summary>It leaves.</summary>
        /// <returns>How long it was inside; -1 where that is not known.</returns>
        public long Leave(long now)
        {
            long inside = Since < 0 ? -1 : now - Since;
            Since = -1;
            return inside;
        }
    }
}
