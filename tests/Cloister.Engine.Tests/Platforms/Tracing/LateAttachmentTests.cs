using System.Collections.Concurrent;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Programs;
using Cloister.Engine.SystemCalls;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Tests.Platforms.Tracing;

/// <summary><see cref="LateAttachment"/>, <see cref="BareFilter"/> and what <see cref="UntracedPrograms"/> has of <see cref="SeccompListener"/>:
/// a small program that nobody traces before it opens a file.</summary>
[Collection(HeldCollection.Name)]
public class LateAttachmentTests
{
    private const string Asked = "/no/such/file/sgx";

    [Theory]
    [InlineData(-(long)Errno.EACCES, 1)]
    [InlineData(null, 1)]
    public void A_thread_is_seized_at_its_call_and_answered(long? result, int status) => OwnThreadOf(() =>
    {
        using var epc = new EpcMemory(4);
        var machine = new SgxMachine(new MachineOptions(), epc);
        using var platform = new PtracePlatform(SystemCallTable.FilterOf(FilterSet.SignalMasks));
        using var keeper = Keeper.Start();
        using var asked = new BlockingCollection<SeccompCall>();
        LateAttachment late = platform.Late;
        SeccompListener? listening = null;
        int passes = 0;
        void Answer(SeccompListener listener)
        {
            Span<byte> path = stackalloc byte[Asked.Length];
            while (listener.Next(out SeccompCall call))
            {
                bool passed = late.TakePass(call.Thread);
                if (!passed && call.Number == SystemCall.Openat && ForeignMemory.Read(call.Thread, call.B, path) == path.Length
                    && path.SequenceEqual("/no/such/file/sgx"u8))
                {
                    asked.Add(call);
                    continue;
                }

                passes += passed ? 1 : 0;
                _ = listener.Pass(call);
            }
        }

        PtraceThread? none =
            late.Begin(ProgramInvocation.Of(["cat", Asked]), SystemCallTable.FilterOf(FilterSet.Untraced), keeper, stays: false,
            id => platform.Make(id, Process(machine, id)), listener =>
            {
                listening = listener;
                new Thread(() => Answer(listener)) { IsBackground = true }.Start();
            });
        Assert.Null(none);
        SeccompCall call = asked.Take();
        Assert.Equal("0", HostKernel.StatusField(call.Thread, "TracerPid:")!.Trim());
        Assert.False(late.IsHeld(call.Thread));

        Assert.Equal(Errno.None, Ptrace.Seize(call.Thread));
        var thread = (PtraceThread)platform.Hold(call.Thread, Process(machine, call.Thread));
        Assert.True(late.IsHeld(call.Thread));
        platform.NoteRuns(thread);
        Assert.True(late.Stand(thread, call, listening!));
        UserRegisters registers = thread.Peek();
        thread.Instruction = registers.Rip - 2;
        Assert.Equal(Errno.None, platform.MapArea(thread, out _));
        Assert.Null(thread.Process.LackedFilter);
        thread.Instruction = null;
        late.StandAtCall(thread, in registers);

        Assert.True(platform.TryTakeParked(thread, out ProgramEvent happened));
        Assert.Equal(EventKind.SystemCall, happened.Kind);
        platform.NoteStop(thread, happened);
        Assert.Equal((SystemCall.Openat, call.B, registers.Rip), ((long)thread.Peek().OrigRax, thread.Peek().Rsi, thread.Peek().Rip));
        if (result is { } made)
        {
            platform.SetResult(thread, made);
        }

        platform.BeginResume(thread, 0);
        platform.WriteBack(thread);
        platform.Run(thread, platform.EndResume(thread, 0));
        while (platform.TryNext(wait: true, out happened) >= 0 && happened.Kind != EventKind.Ended)
        {
            if (happened.Thread == thread.Id)
            {
                platform.NoteStop(thread, happened);
                platform.BeginResume(thread, 0);
                platform.WriteBack(thread);
                platform.Run(thread, platform.EndResume(thread, 0));
            }
        }

        Assert.Equal(status, happened.ExitStatus);
        Assert.Equal(result is null ? 2 : 1, passes); // the program's own execve, and the open that was made after all
        Assert.True(keeper.Next(out WaitStatus? end, out _));
        Assert.Equal(status, end!.Value.ExitStatus);
        keeper.EndAll();
        thread.Process.Memory.Dispose();
    });

    // The kernel knows a tracer by its thread.
    private static void OwnThreadOf(Action test)
    {
        Exception? failed = null;
        var thread = new Thread(() => failed = Record.Exception(test));
        thread.Start();
        thread.Join();
        Assert.Null(failed);
    }

    private static TracedProcess Process(SgxMachine machine, int id) =>
        new(id, new AddressSpace(machine, id)) { LackedFilter = SystemCallTable.FilterOf(FilterSet.Base) };
}
