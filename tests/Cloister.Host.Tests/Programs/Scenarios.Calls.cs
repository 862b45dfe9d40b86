using System.Runtime.InteropServices;
using System.Text;
using Cloister.Architecture;
using Cloister.Linux;
using static Cloister.Host.Tests.Programs.TestCode;

namespace Cloister.Host.Tests.Programs;

/// <content>Calls with buffers, ocalls, cancellation, and which thread they get.</content>
internal static partial class Scenarios
{
    private static readonly byte[] Hello = Encoding.UTF8.GetBytes("hello");

    public static void BytesGoInAndOut(EntryMethod method)
    {
        using Enclave enclave = Builder(1, method).Build();
        byte[] output = [9, 9, 9, 9, 9, 9, 9, 9];
        Assert.Equal(new EnclaveAnswer(7, 5), enclave.Call(Id(Request.Echo), Hello, output));
        Assert.Equal([.. Hello, 9, 9, 9], output);
        Assert.Equal(new EnclaveAnswer(7, 0), enclave.Call(Id(Request.Echo), [], []));

        byte[] large = new byte[3 << 20], back = new byte[large.Length];
        new Random(1).NextBytes(large);
        Assert.Equal(large.Length, enclave.Call(Id(Request.Echo), large, back).Length);
        Assert.Equal(large, back);

        EnclaveException e = Assert.Throws<EnclaveException>(() => enclave.Call(Id(Request.Boast), [], new byte[8]));
        Assert.Contains("wrote 1099511627776 bytes (RDX), and the output has room for 8", e.Message, StringComparison.Ordinal);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => enclave.Call(OcallTable.Return, [], []));
    }

    public static void StructuresGoInAndOut(EntryMethod method)
    {
        using Enclave enclave = Builder(1, method).Build();
        var pair = new Pair { First = 40, Second = -2 };
        Assert.Equal(pair, enclave.Call<Pair, Pair>(Id(Request.Echo), pair));
        EnclaveException e = Assert.Throws<EnclaveException>(() => enclave.Call<int, Pair>(Id(Request.Echo), 5));
        Assert.Contains("answer has 4 bytes (RDX), and Pair has 16", e.Message, StringComparison.Ordinal);
    }

    public static void Ocalls(EntryMethod method)
    {
        using Enclave enclave = Builder(1, method).Build();
        (ulong Number, ulong Argument, string Input, int Room, ulong Thread) seen = default;
        var options = new EnclaveCallOptions
        {
            Ocalls = new OcallTable
            {
                {
                    1, ocall =>
                    {
                        seen = (ocall.Number, ocall.Argument, Encoding.UTF8.GetString(ocall.Input), ocall.Answer.Length,
                            ocall.Thread.Offset);

                        // The same thread, from within its call.
                        Span<byte> nested = stackalloc byte[5];
                        Assert.Equal(new EnclaveAnswer(7, 5), ocall.Call(Id(Request.Echo), ocall.Input, nested));
                        nested.Reverse();
                        nested.CopyTo(ocall.Answer);
                        return nested.Length;
                    }
                },
            },
        };
        byte[] output = new byte[16];
        Assert.Equal(new EnclaveAnswer(3, 5), enclave.Call(Id(Request.EchoByOcall), Hello, output, options));
        Assert.Equal("olleh", Encoding.UTF8.GetString(output, 0, 5));
        Assert.Equal((1ul, 5ul, "hello", 16, FirstThread), seen);
        Assert.Null(enclave.Threads[0].Abandoned);
    }

    public static void OcallsThatEndTheCall(EntryMethod method)
    {
        using Enclave enclave = Builder(5, method).Build();
        byte[] output = new byte[16];
        EnclaveException e = Assert.Throws<EnclaveException>(() => enclave.Call(Id(Request.EchoByOcall), Hello, output));
        Assert.Contains("asks for ocall 1 (RDI), and there are none", e.Message, StringComparison.Ordinal);
        OcallTable others = new() { { 2, _ => 0 }, { 9, _ => 0 } };
        e = Assert.Throws<EnclaveException>(() => enclave.Call(Id(Request.EchoByOcall), Hello, output, new() { Ocalls = others }));
        Assert.Contains("there is only 2, 9", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<EnclaveException>(
            () => enclave.Call(Id(Request.AskElsewhere), [], output, new() { Ocalls = new() { { 1, _ => 0 } } }));
        Assert.Contains("8 bytes at 0x1000", e.Message, StringComparison.Ordinal);
        _ = Assert.Throws<FormatException>(
            () => enclave.Call(Id(Request.EchoByOcall), Hello, output, new()
            {
                Ocalls = new() { { 1, _ => throw new FormatException() } },
            }));
        Assert.Contains("returned 17",
            Assert.Throws<InvalidOperationException>(
                () => enclave.Call(Id(Request.EchoByOcall), Hello, output, new() { Ocalls = new() { { 1, _ => 17 } } })).Message,
                StringComparison.Ordinal);

        // Each of them left the enclave waiting for an answer on its thread.
        Assert.All(enclave.Threads, thread => Assert.Contains("ended in ocall 1", thread.Abandoned, StringComparison.Ordinal));
        e = Assert.Throws<EnclaveException>(() => enclave.Call(Id(Request.Echo), Hello, output));
        Assert.Contains("no thread of the enclave can take a call any more", e.Message, StringComparison.Ordinal);
    }

    public static void UsedUpThreadsAreLeftAlone(EntryMethod method)
    {
        using Enclave enclave = Builder(2, method).Build();

        // One thread's frames are used up, behind the back of whoever gives threads out.
        EnclaveThread used = enclave.Threads[1];
        for (int i = 0; i < Frames; i++)
        {
            Assert.NotNull(used.Enter(new(Id(Request.Undefined))).Fault);
        }

        Assert.Equal((Frames, 0), (used.FramesInUse, enclave.Threads[0].FramesInUse));
        for (ulong i = 1; i < 20; i++)
        {
            Assert.Equal(i, enclave.Call(Id(Request.Add), enclave.At(Data).Value, 1).Rdx);
        }

        // Now the other as well.
        for (int i = 0; i < Frames; i++)
        {
            _ = Assert.Throws<EnclaveFaultException>(() => enclave.Call(Id(Request.Divide)));
        }

        EnclaveException e = Assert.Throws<EnclaveException>(() => enclave.Call(Id(Request.Add), enclave.At(Data).Value, 1));
        Assert.Contains("refused", e.Message, StringComparison.Ordinal);
        Assert.Contains($"0x{FirstThread:x}", e.Message, StringComparison.Ordinal);
        _ = Assert.Throws<EnclaveException>(() => enclave.Call(Id(Request.Echo), Hello, new byte[5]));
    }

    public static void BusyThreads(EntryMethod method)
    {
        using Enclave enclave = Builder(1, method).Build();
        using var flags = PageBuffer.Allocate(16);
        Thread inside = EnterByCall(enclave, flags, _ => { });
        EnclaveBusyException e =
            Assert.Throws<EnclaveBusyException>(() => enclave.Call(Id(Request.Echo), [], [], new() { WaitForThread = TimeSpan.Zero }));
        Assert.Contains("all 1 threads of the enclave are in use; give it more TCS", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<EnclaveBusyException>(() => enclave.Call(default, null, new() { WaitForThread = TimeSpan.FromMilliseconds(30) }));
        Assert.Contains("none came free in 0.03 s", e.Message, StringComparison.Ordinal);
        using (var cancel = new CancellationTokenSource(30))
        {
            _ = Assert.Throws<OperationCanceledException>(
                () => enclave.Call(Id(Request.Echo), [], [], new() { Cancellation = cancel.Token }));
        }

        var waiting = new Thread(() => Thread.Sleep(50));
        waiting.Start();
        Release(flags, 1);
        Assert.Equal(5, enclave.Call(Id(Request.Echo), Hello, new byte[5]).Length);
        inside.Join();
        waiting.Join();

        // A call from within the only thread's ocall would wait for itself.
        var options = new EnclaveCallOptions { Ocalls = new() { { 1, ocall => enclave.Call(Id(Request.Echo), [], []).Length } } };
        e = Assert.Throws<EnclaveBusyException>(() => enclave.Call(Id(Request.EchoByOcall), Hello, new byte[5], options));
        Assert.Contains("the caller itself holds all 1", e.Message, StringComparison.Ordinal);
    }

    public static void CancelledCalls(EntryMethod method)
    {
        using Enclave enclave = Builder(3, method).Build();
        using PageBuffer flags = PageBuffer.Allocate(16), others = PageBuffer.Allocate(16);
        using var cancel = new CancellationTokenSource();
        ulong answer = 0;
        Thread other = EnterByCall(enclave, others, end => answer = end is ulong rdx ? rdx : 0);
        EnclaveCallCanceledException? cancelled = null;
        Thread inside = EnterByCall(enclave, flags, end => cancelled = end as EnclaveCallCanceledException, cancel.Token);
        cancel.Cancel();
        inside.Join();
        Assert.NotNull(cancelled);
        Assert.Equal(cancel.Token, cancelled.CancellationToken);
        EnclaveThread driven = cancelled.Thread;
        Assert.Contains("was cancelled", driven.Abandoned, StringComparison.Ordinal);
        Assert.Equal(1, driven.FramesInUse);
        _ = Assert.Throws<OperationCanceledException>(
            () => enclave.Call(Id(Request.Echo), Hello, new byte[5], new() { Cancellation = cancel.Token }));

        // The rest of the enclave goes on: another call, and the thread that was inside all the time.
        Assert.Equal(5, enclave.Call(Id(Request.Echo), Hello, new byte[5]).Length);
        Release(others, 4);
        other.Join();
        Assert.Equal(4ul, answer);

        // What was interrupted can be brought to its end.
        Release(flags, 6);
        EnclaveExit exit = driven.Resume();
        Assert.Equal((EncluLeaf.Eexit, 6ul), (exit.Leaf, exit.Registers.Rdx));
        Assert.Equal((0, null), (driven.FramesInUse, driven.Abandoned));
    }

    public static void CancelledWhileOthersCall(EntryMethod method)
    {
        using Enclave enclave = Builder(3, method).Build();
        using var stop = new CancellationTokenSource();
        ulong calls = 0;
        var caller = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                calls = enclave.Call(Id(Request.Add), enclave.At(Data).Value, 1).Rdx;
            }
        });
        caller.Start();
        for (int i = 0; i < 10; i++)
        {
            using var flags = PageBuffer.Allocate(16);
            using var cancel = new CancellationTokenSource();
            object? end = null;
            Thread inside = EnterByCall(enclave, flags, e => end = e, cancel.Token);
            cancel.Cancel();
            inside.Join();
            EnclaveThread driven = Assert.IsType<EnclaveCallCanceledException>(end).Thread;
            Release(flags, 1);
            Assert.Null(driven.Resume().Fault);
        }

        stop.Cancel();
        caller.Join();
        Assert.NotEqual(0ul, calls);
        Assert.Equal(calls, enclave.Call(Id(Request.Add), enclave.At(Data).Value).Rdx);
    }

    public static void CancelledInAnOcall(EntryMethod method)
    {
        using Enclave enclave = Builder(2, method).Build();
        using var cancel = new CancellationTokenSource();
        var options = new EnclaveCallOptions
        {
            Cancellation = cancel.Token,
            Ocalls = new()
            {
                {
                    1, ocall =>
                    {
                        cancel.Cancel();
                        Assert.True(ocall.Cancellation.IsCancellationRequested);
                        return 0;
                    }
                },
            },
        };
        OperationCanceledException e =
            Assert.ThrowsAny<OperationCanceledException>(() => enclave.Call(Id(Request.EchoByOcall), Hello, new byte[5], options));
        Assert.IsNotType<EnclaveCallCanceledException>(e);
        Assert.Single(enclave.Threads, thread => thread.Abandoned is not null);
        Assert.Equal(5, enclave.Call(Id(Request.Echo), Hello, new byte[5]).Length);
    }

    // Waits inside until it is released, and tells RDX or what was thrown.
    private static Thread EnterByCall(Enclave enclave, PageBuffer flags, Action<object> end, CancellationToken cancellation = default)
    {
        var thread = new Thread(() =>
        {
            try
            {
                end(enclave.Call(new(Id(Request.Wait), flags.Address, flags.Address + 8), null, new() { Cancellation = cancellation }).Rdx);
            }
            catch (Exception e)
            {
                end(e);
            }
        })
        { IsBackground = true };
        thread.Start();
        var spin = default(SpinWait);
        while (Volatile.Read(ref flags.Bytes[0]) == 0)
        {
            spin.SpinOnce();
        }

        return thread;
    }

    [StructLayout(LayoutKind.Sequential)]
    private record struct Pair
    {
        public long First { get; set; }

        public long Second { get; set; }
    }
}
