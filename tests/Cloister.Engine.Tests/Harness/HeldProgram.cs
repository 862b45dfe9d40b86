using System.Runtime.ExceptionServices;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.SystemCalls;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Tests.Harness;

/// <summary>A small program that ptrace really holds. All of it is one thread's: the kernel knows a tracer by its thread.</summary>
internal sealed class HeldProgram : IDisposable
{
    private const int MostEvents = 10_000;
    private readonly EpcMemory _epc = new(4);
    private readonly SgxMachine _machine;

    private HeldProgram(ProgramInvocation program)
    {
        _machine = new SgxMachine(new MachineOptions(), _epc);
        Thread = (PtraceThread)Platform.Begin(program, SystemCallTable.FilterOf(FilterSet.Base), null, New);
    }

    public PtracePlatform Platform { get; } = new(SystemCallTable.FilterOf(FilterSet.SignalMasks));

    /// <summary>Its first thread.</summary>
    public PtraceThread Thread { get; private set; }

    public int Id => Thread.Id;

    /// <summary>Its bytes.</summary>
    public RemoteMemory Memory => Thread.Process.Memory.Bytes;

    /// <summary>Does something with a program that stands where its execve is about to return.</summary>
    public static void Run(Action<HeldProgram> test) => Run(ProgramInvocation.Of(["sleep", "60"]), test);

    /// <summary>The same with a program of one's own.</summary>
    public static void Run(ProgramInvocation program, Action<HeldProgram> test)
    {
        ExceptionDispatchInfo? failed = null;
        var tracer = new Thread(() =>
        {
            try
            {
                using var held = new HeldProgram(program);
                held.BeginImage();
                test(held);
            }
            catch (Exception e)
            {
                failed = ExceptionDispatchInfo.Capture(e);
            }
        });
        tracer.Start();
        tracer.Join();
        failed?.Throw();
    }

    /// <summary>The same with one that has Cloister's own pages.</summary>
    public static void RunWithArea(Action<HeldProgram> test) => Run(held =>
    {
        Assert.Equal(Errno.None, held.Platform.MapArea(held.Thread, out _));
        test(held);
    });

    /// <summary>What happens next, which its thread then stands for.</summary>
    public ProgramEvent Next()
    {
        ProgramEvent happened;
        int next;
        do
        {
            // 0: a signal to this thread, as of the runtime's. Another process: of a test before this one, which killed it.
            next = Platform.TryTakeParked(out happened) ? 1 : Platform.TryNext(wait: true, out happened);
        }
        while (next == 0 || next == 1 && happened.Thread != Id);
        Assert.Equal(1, next);
        Assert.Equal(Id, happened.Thread);
        if (happened.Stands)
        {
            Platform.NoteStop(Thread, happened);
        }

        return happened;
    }

    /// <summary>It runs on.</summary>
    public void Resume(int signal = 0)
    {
        Platform.BeginResume(Thread, signal);
        signal = Platform.EndResume(Thread, signal);
        Platform.WriteBack(Thread);
        Platform.Run(Thread, signal);
    }

    /// <summary>It runs on, until something happens that is no system call.</summary>
    public ProgramEvent ResumeToEvent(int signal = 0)
    {
        Resume(signal);
        for (int i = 0; i < MostEvents; i++)
        {
            if (Next() is { Kind: not EventKind.SystemCall } happened)
            {
                return happened;
            }

            Resume();
        }

        throw new InvalidOperationException("it makes system calls for ever");
    }

    /// <summary>Puts instructions where it stands. Its code is its own: a file's pages are copied for that.</summary>
    public void Put(params byte[] code) => Assert.True(Memory.TryPoke(Thread.Peek().Rip, code));

    public byte[] Read(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.True(Memory.TryPeek(address, bytes));
        return bytes;
    }

    /// <summary>A set of signals of /proc/TID/status.</summary>
    public ulong Signals(string field) => Convert.ToUInt64(HostKernel.StatusField(Id, field), 16);

    public void Dispose()
    {
        // Its end is taken here: nobody else may have its number meanwhile.
        _ = HostKernel.Kill(Id, Signal.SIGKILL);
        while (Ptrace.Wait(Id, block: true, out WaitStatus status) > 0 && status.Stopped)
        {
        }

        Platform.Dispose();
        Thread.Process.Memory.Dispose();
        _epc.Dispose();
    }

    private Engine.Programs.TracedProcess New(int id) => new(id, new AddressSpace(_machine, id));

    // As the engine does: the image has a memory of its own, and is met at the end of the call.
    private void BeginImage()
    {
        ProgramEvent began = Next();
        Assert.Equal(EventKind.ImageBegan, began.Kind);
        Thread.Process.Memory.Dispose();
        Platform.Release(Thread);
        Thread = (PtraceThread)Platform.Hold(began.Thread, New(began.Thread));
        Platform.NoteStop(Thread, began);
        Platform.AtCallEnd(Thread, () => { });
        Resume();
        Assert.Equal(EventKind.SystemCallDone, Next().Kind);
        Platform.TakeCallEnd(Thread)!.Invoke();
    }
}
