using System.Globalization;
using Cloister.Engine.Instructions;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Programs;
using Cloister.Engine.SystemCalls;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>Programs that are not traced as long as nothing of SGX is in them: gdb, strace and perf may have them, and their signals
/// are their own.</summary>
/// <remarks>Two threads beside the tracer's: one answers what the programs' filter asks, one hears what becomes of the program that was
/// asked for. What only the tracer can answer it is told between two events, as by <see cref="Questions"/>.</remarks>
/// <param name="options">What the machine was made with.</param>
/// <param name="platform">What holds programs.</param>
/// <param name="cpuid">CPUID as the machine answers it: nobody else may use this one.</param>
/// <param name="processes">The programs that are held.</param>
/// <param name="guard">What looks after threads that end meanwhile.</param>
/// <param name="guests">Who is told that the machine is in use.</param>
/// <param name="root">The program that was asked for.</param>
/// <param name="filter">The seccomp filter of what stops in a program that is held.</param>
/// <param name="ask">Has something done by the tracer's thread; null when that has ended.</param>
/// <param name="notice">Hears what programs have to do without.</param>
internal sealed class UntracedPrograms(
    EngineOptions options, PtracePlatform platform, CpuidEmulator cpuid, Processes processes, Guard guard, Guests guests, RootProcess root,
    Func<byte[]> filter, Func<Action, Task?> ask, Action<string> notice) : IDisposable
{
    private readonly UntracedCalls _calls = new(options, options.EpcPages, cpuid, platform.Late.IsHeld);
    private Keeper? _keeper;
    private SeccompListener? _listener;
    private Deputies? _deputies;

    /// <summary>Whether there are, or were, any: their ends are not the platform's to tell.</summary>
    public bool Any => _keeper is not null;

    /// <summary>Begins the program that was asked for.</summary>
    /// <returns>Its process, and its thread where it is held from its beginning; null where that cannot be, and nothing has
    /// begun.</returns>
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
            LateAttachment late = platform.Late;
            PtraceThread? held = late.Begin(program, SystemCallTable.FilterOf(FilterSet.Untraced), keeper, speaks,
                id => platform.Make(id, NewProcess(id)), Listen);
            _keeper = keeper;
            keeper.Dispose();
            _ = guests.Expect();
            new Thread(Hear, maxStackSize: 512 * 1024) { IsBackground = true, Name = "program's end" }.Start();
            if (held is null)
            {
                processes.BeginUnheld();
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
    public void Dispose() => EndAll();

    private void Refuse(LinuxException e) => notice(string.Create(CultureInfo.InvariantCulture,
        $"programs are traced from their beginning, for --attach=device cannot be had here ({e.Call}: {e.Errno})"));

    private TracedProcess NewProcess(int id)
    {
        TracedProcess process = processes.New(id);
        process.LackedFilter = filter();
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
            if (signal != 0 && !platform.Late.IsHeld(_keeper.Id))
            {
                root.NoteOutside(signal);
            }

            if (end is { } status)
            {
                Tell(() => root.NoteEnd(TracedEvent.Of(_keeper.Id, status))).Wait();
                break;
            }
        }

        _deputies!.End.Wait();
        guests.Forget();
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
        if (platform.Late.TakePass(call.Thread))
        {
            _ = listener.Pass(call);
            return;
        }

        UntracedAnswer answer = platform.Late.StopsAlways(call.Thread) ? UntracedAnswer.Hold : _calls.Of(call);
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
            while (ask(() => guard.Run(what)) is { } asked)
            {
                await asked.ContinueWith(_ => { }, TaskScheduler.Default).ConfigureAwait(false);
                if (!asked.IsCanceled)
                {
                    return;
                }

                // Too many ask just now.
                await Task.Delay(milliseconds).ConfigureAwait(false);
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
        if (processes.Find(call.Thread) is null)
        {
            _ = Seize(call.Thread, mustBe: true);
        }

        _ = listener.Pass(call);
    }

    private void Hold(SeccompListener listener, in SeccompCall call)
    {
        if ((processes.Find(call.Thread) ?? SeizeAll(call.Thread)) is not { } thread)
        {
            _ = listener.Pass(call);
            return;
        }

        var held = (PtraceThread)thread.Held;
        if (!platform.Late.Stand(held, call, listener))
        {
            return;
        }

        UserRegisters registers = thread.Peek();
        if (thread.Space.Table is null)
        {
            held.Instruction = registers.Rip - 2; // SYSCALL
            bool isPrepared = ExecSetup.PrepareRunning(platform, thread, options.Mode == EngineMode.Fast,
                options.Isolation == IsolationMode.Strict, notice);
            held.Instruction = null;
            if (!isPrepared)
            {
                platform.Late.Pass(call.Thread);
                held.Restore(in registers);
                platform.PutBack(held, new ProgramEvent(EventKind.Halted, held.Id));
                return;
            }
        }

        platform.Late.StandAtCall(held, in registers);
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
                if (processes.Find(id) is null && !HostKernel.IsTraced(id))
                {
                    any |= Seize(id, mustBe: id == thread) is not null;
                }
            }
        }

        return processes.Find(thread);
    }

    private TracedThread? Seize(int id, bool mustBe)
    {
        Errno error = Ptrace.Seize(id);
        if (error != Errno.None)
        {
            if (mustBe && error != Errno.ESRCH)
            {
                notice(HostKernel.StatusField(id, "TracerPid:") is null or "0"
                    ? $"a program that uses SGX may not be traced here ({error}): it runs without SGX"
                    : "a program that uses SGX is traced by another process, as by strace or gdb: it runs without SGX");
            }

            return null;
        }

        int group = HostKernel.ThreadGroup(id);
        TracedProcess process = processes.Threads.FirstOrDefault(other => other.Process.Id == group)?.Process ?? NewProcess(group);
        foreach (int signal in SignalAction.OfExceptions)
        {
            if ((HostKernel.IgnoredSignalsOf(id) & 1UL << (signal - 1)) != 0)
            {
                process.Actions[signal] = new SignalAction { Handler = SignalAction.Ignore };
            }
        }

        TracedThread thread = processes.Add(id, process);
        platform.NoteRuns(thread.Held);
        return thread;
    }
}
