using System.Globalization;
using Cloister.Engine.Instructions;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Programs;
using Cloister.Engine.SystemCalls;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine;

/// <summary>Programs that are not traced as long as nothing of SGX is in them: gdb, strace and perf may have them, and their signals are their own.</summary>
/// <remarks>Two threads beside the tracer's: one answers what the programs' filter asks, one hears what becomes of the program that was asked for. What only
/// the tracer can answer it is told between two events, as by <see cref="Questions"/>.</remarks>
internal sealed class UntracedPrograms : IDisposable
{
    private readonly Tracer _tracer;
    private readonly PtracePlatform _platform;
    private readonly UntracedCalls _calls;
    private readonly Func<byte[]> _filter;
    private Keeper? _keeper;
    private SeccompListener? _listener;
    private Deputies? _deputies;

    /// <summary>What a tracer has for them.</summary>
    /// <param name="tracer">It.</param>
    /// <param name="platform">What holds its programs.</param>
    /// <param name="machine">The processor.</param>
    /// <param name="filter">The seccomp filter of what stops in a program that is held.</param>
    public UntracedPrograms(Tracer tracer, PtracePlatform platform, MachineOptions machine, Func<byte[]> filter)
    {
        (_tracer, _platform, _filter) = (tracer, platform, filter);
        var cpuid = new CpuidEmulator(machine.Capabilities, [], machine.Cpu);
        _calls = new UntracedCalls(tracer.Options, tracer.Options.EpcPages, cpuid, platform.Late.IsHeld);
    }

    /// <summary>Whether there are, or were, any: their ends are not the platform's to tell.</summary>
    public bool Any => _keeper is not null;

    /// <summary>Begins the program that was asked for.</summary>
    /// <returns>Its process, and its thread where it is held from its beginning; null where that cannot be, and nothing has begun.</returns>
    /// <exception cref="LinuxException">It cannot be executed.</exception>
    public (int Process, IHeldThread? Held)? Begin(ProgramInvocation program)
    {
        Keeper keeper;
        try
        {
            keeper = Keeper.Start();
        }
        catch (LinuxException e)
        {
            Refuse(e);
            return null;
        }

        try
        {
            bool speaks = _calls.Speaks(keeper.Id, "cwd", System.Text.Encoding.UTF8.GetString(program.Path.Span));
            LateAttachment late = _platform.Late;
            PtraceThread? held = late.Begin(program, SystemCallTable.FilterOf(FilterSet.Untraced), keeper, speaks,
                id => _platform.Make(id, NewProcess(id)), Listen);
            _keeper = keeper;
            _ = _tracer.Guests.Expect();
            new Thread(Hear, maxStackSize: 512 * 1024) { IsBackground = true, Name = "program's end" }.Start();
            if (held is null)
            {
                _tracer.Processes.BeginUnheld();
            }

            return (keeper.Id, held);
        }
        catch (LinuxException e) when (_listener is null)
        {
            keeper.Kill();
            Refuse(e);
            return null;
        }
        catch
        {
            keeper.Kill();
            throw;
        }
    }

    /// <summary>Ends them all.</summary>
    public void EndAll() => _keeper?.EndAll();

    /// <inheritdoc/>
    public void Dispose()
    {
        EndAll();
        _keeper?.Dispose();
    }

    private void Refuse(LinuxException e) => _tracer.Notice(string.Create(CultureInfo.InvariantCulture,
        $"programs are traced from their beginning, for --attach=device cannot be had here ({e.Call}: {e.Errno})"));

    private TracedProcess NewProcess(int id)
    {
        TracedProcess process = _tracer.Processes.New(id);
        process.LackedFilter = _filter();
        return process;
    }

    private void Listen(SeccompListener listener)
    {
        _listener = listener;
        listener.WakeInTurn();
        _deputies = new Deputies(deputies => Answer(listener, deputies));
        _deputies.Start();
    }

    // What becomes of the program, to its end; then that nobody is left.
    private void Hear()
    {
        while (_keeper!.Next(out WaitStatus? end, out int signal))
        {
            if (signal != 0 && !_platform.Late.IsHeld(_keeper.Id))
            {
                _tracer.Root.NoteOutside(signal);
            }

            if (end is { } status)
            {
                Tell(() => _tracer.Root.NoteEnd(TracedEvent.Of(_keeper.Id, status))).Wait();
                break;
            }
        }

        _deputies!.End.Wait();
        _tracer.Guests.Forget();
        _ = Tell(() => { });
    }

    private bool Answer(SeccompListener listener, Deputies deputies)
    {
        if (!listener.Next(out SeccompCall call))
        {
            return false;
        }

        deputies.Begin();
        Answer(listener, call);
        return true;
    }

    private void Answer(SeccompListener listener, SeccompCall call)
    {
        if (_platform.Late.TakePass(call.Thread))
        {
            _ = listener.Pass(call);
            return;
        }

        UntracedAnswer answer = _calls.Of(call);
        switch (answer.Kind)
        {
            case UntracedKind.Result:
                _ = listener.SetResult(call, answer.Result);
                break;
            case UntracedKind.File when ContentFile.Make(answer.Contents) is >= 0 and var file:
                Errno error = listener.SetDescriptor(call, file, answer.ClosesOnExec);
                HostKernel.Close(file);
                if (error is not (Errno.None or Errno.ENOENT))
                {
                    _ = listener.SetResult(call, -(long)error); // its table is full
                }

                break;
            case UntracedKind.Hold:
                _ = Tell(() => Hold(listener, call), () => listener.Pass(call));
                break;
            case UntracedKind.HoldAndPass:
                _ = Tell(() => HoldAndPass(listener, call), () => listener.Pass(call));
                break;
            default:
                _ = listener.Pass(call);
                break;
        }
    }

    // On the tracer's thread.
    private async Task Tell(Action what, Action? otherwise = null)
    {
        const int milliseconds = 1;
        try
        {
            for (Task? asked = null; asked?.IsCompletedSuccessfully != true && !_tracer.Questions.AreOver;)
            {
                if (asked is not null)
                {
                    // Too many ask just now.
                    await Task.Delay(milliseconds).ConfigureAwait(false);
                }

                asked = _tracer.Ask(_ => _tracer.Guard.Run(what), CancellationToken.None);
                await asked.ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
                if (asked.IsFaulted)
                {
                    break;
                }
            }
        }
        finally
        {
            // Where it was answered that does nothing.
            otherwise?.Invoke();
        }
    }

    private void HoldAndPass(SeccompListener listener, in SeccompCall call)
    {
        // All other threads of its process end with the call, if it succeeds.
        if (_tracer.Processes.Find(call.Thread) is null)
        {
            _ = Seize(call.Thread, mustBe: true);
        }

        _ = listener.Pass(call);
    }

    private void Hold(SeccompListener listener, in SeccompCall call)
    {
        if ((_tracer.Processes.Find(call.Thread) ?? SeizeAll(call.Thread)) is not { } thread)
        {
            _ = listener.Pass(call);
            return;
        }

        var held = (PtraceThread)thread.Held;
        if (!_platform.Late.Stand(held, call, listener))
        {
            return;
        }

        UserRegisters registers = thread.Peek();
        if (thread.Space.Table is null)
        {
            held.Instruction = registers.Rip - 2; // SYSCALL
            bool isPrepared = ExecSetup.PrepareRunning(_platform, thread, _tracer.Options.Mode == EngineMode.Fast, _tracer.Notice);
            held.Instruction = null;
            if (!isPrepared)
            {
                _platform.Late.Pass(call.Thread);
                held.Restore(in registers);
                _platform.PutBack(held, new ProgramEvent(EventKind.Halted, held.Id));
                return;
            }
        }

        _platform.Late.StandAtCall(held, in registers);
    }

    // All threads of a thread's process; those that they make come by themselves.
    private TracedThread? SeizeAll(int thread)
    {
        int process = HostKernel.ThreadGroup(thread);
        for (bool any = true; any;)
        {
            any = false;
            foreach (int id in HostKernel.Threads(process))
            {
                if (_tracer.Processes.Find(id) is null && !HostKernel.IsTraced(id))
                {
                    any |= Seize(id, mustBe: id == thread) is not null;
                }
            }
        }

        return _tracer.Processes.Find(thread);
    }

    private TracedThread? Seize(int id, bool mustBe)
    {
        Errno error = Ptrace.Seize(id);
        if (error != Errno.None)
        {
            if (mustBe && error != Errno.ESRCH)
            {
                _tracer.Notice(HostKernel.StatusField(id, "TracerPid:") is null or "0"
                    ? $"a program that uses SGX may not be traced here ({error}): it runs without SGX"
                    : "a program that uses SGX is traced by another process, as by strace or gdb: it runs without SGX");
            }

            return null;
        }

        int group = HostKernel.ThreadGroup(id);
        TracedProcess process = _tracer.Processes.Threads.FirstOrDefault(other => other.Process.Id == group)?.Process ?? NewProcess(group);
        foreach (int signal in SignalAction.OfExceptions)
        {
            if ((HostKernel.IgnoredSignalsOf(id) & 1UL << (signal - 1)) != 0)
            {
                process.Actions[signal] = new SignalAction { Handler = SignalAction.Ignore };
            }
        }

        TracedThread thread = _tracer.Processes.Add(id, process);
        _platform.NoteRuns(thread.Held);
        return thread;
    }
}
