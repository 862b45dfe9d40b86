using Cloister.Architecture;
using Cloister.Host;

namespace Sgx2Sample;

/// <summary>
/// An SGX2 program: it builds an enclave, lets it grow, changes what a page permits, adds a thread, takes pages away again,
/// and says what it does. Read it from here downwards.
/// </summary>
internal sealed class Walk(TextWriter output)
{
    private const PageAccess ReadWrite = PageAccess.Read | PageAccess.Write;
    private const SecinfoFlags NewPage = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending;

    /// <summary>The whole program.</summary>
    /// <returns>Its exit status.</returns>
    public static int Execute(TextWriter output, TextWriter error)
    {
        try
        {
            new Walk(output).Run();
            return 0;
        }
        catch (EnclaveException e)
        {
            error.WriteLine($"sgx2-sample: {e.Message}");
            return e is SgxUnavailableException ? 69 : 1;
        }
    }

    public void Run()
    {
        using Enclave enclave = Build();
        Use(enclave);
        GrowByAccepting(enclave);
        GrowByAccessing(enclave);
        RestrictAndRelax(enclave);
        AddThread(enclave);
        Shrink(enclave);
        Say("Done.");
    }

    private Enclave Build()
    {
        Say("1. Build the enclave: ECREATE, EADD and EEXTEND of each page, EINIT");
        var tcs = new Tcs { Ossa = Layout.FramesOf(Layout.FirstThread), Nssa = Layout.Frames, Fslimit = uint.MaxValue, Gslimit = uint.MaxValue };
        var builder = new EnclaveBuilder(Layout.Size);
        builder.Add(Layout.Code, EnclaveCode.Assemble(), PageAccess.Read | PageAccess.Execute, name: "code");
        builder.AddZeros(Layout.Data, 1, ReadWrite, name: "data");
        builder.AddThread(Layout.FirstThread, tcs);
        builder.AddZeros(Layout.FirstThread + Layout.Page, 1, ReadWrite, name: "the thread's own");
        builder.AddZeros(Layout.FramesOf(Layout.FirstThread), Layout.Frames, ReadWrite, name: "SSA");
        Enclave enclave = builder.Build();
        Say($"   base {enclave.BaseAddress}, MRENCLAVE {enclave.Mrenclave}");
        return enclave;
    }

    private void Use(Enclave enclave)
    {
        Say("2. Enter it: EENTER by the vDSO, EEXIT");
        _ = Ask(enclave, Request.Add, Layout.Data, 40);
        Say($"   the enclave adds 40 and 2: {Ask(enclave, Request.Add, Layout.Data, 2)}");
        long sum = enclave.Call<Three, long>(Id(Request.Sum), new Three(1, 2, 39));
        Say($"   and 1, 2 and 39, which it finds in a buffer: {sum}");
    }

    private void GrowByAccepting(Enclave enclave)
    {
        Say($"3. Grow the heap by {Layout.HeapPages} pages, EACCEPT first: each EACCEPT faults, the kernel adds the page");
        Say("   (EAUG), EACCEPT runs again and succeeds");
        enclave.Map(Layout.Heap, (Layout.HeapPages + 1) * Layout.Page, ReadWrite);
        Accept(enclave, Layout.Heap, Layout.HeapPages, NewPage);
        Say($"   a sum in the last of them: {Ask(enclave, Request.Add, Layout.Heap + ((Layout.HeapPages - 1) * Layout.Page), 7)}");
    }

    private void GrowByAccessing(Enclave enclave)
    {
        Say("4. Grow it by one page, access first: the kernel adds the page, but it is pending; the fault reaches");
        Say("   the program, the enclave accepts the page, ERESUME goes on");
        ulong page = Layout.Heap + (Layout.HeapPages * Layout.Page);
        ulong sum = AskAndCure(enclave, page, 5, new(Id(Request.Accept), enclave.At(page).Value, 1, (ulong)NewPage));
        Say($"   a sum in it: {sum}");
    }

    private void RestrictAndRelax(Enclave enclave)
    {
        Say("5. Restrict a page to reading (EMODPR by ioctl, then EACCEPT), and relax it again from inside (EMODPE)");
        Say("   when a write faults");
        enclave.RestrictPermissions(Layout.Heap, Layout.Page, PageAccess.Read);
        Accept(enclave, Layout.Heap, 1, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.Pr);
        ulong sum = AskAndCure(enclave, Layout.Heap, 3, new(Id(Request.Extend), enclave.At(Layout.Heap).Value, 1, (ulong)(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W)));
        Say($"   a sum in it: {sum}");
    }

    private void AddThread(Enclave enclave)
    {
        Say($"6. Add a thread: {Layout.ThreadPages} new pages, of which the first becomes a TCS (EMODT by ioctl, then EACCEPT), and");
        Say("   enter on it");
        enclave.Map(Layout.SecondThread, Layout.ThreadPages * Layout.Page, ReadWrite);
        Accept(enclave, Layout.SecondThread, Layout.ThreadPages, NewPage);
        _ = Ask(enclave, Request.MakeThread, Layout.SecondThread, Layout.FramesOf(Layout.SecondThread));
        enclave.ModifyTypes(Layout.SecondThread, Layout.Page, PageType.Tcs);
        Accept(enclave, Layout.SecondThread, 1, SecinfoFlags.Tcs | SecinfoFlags.Modified);
        EnclaveThread second = enclave.AddThread(Layout.SecondThread);

        EnclaveRegisters answer = default;
        var worker = new Thread(() => answer = enclave.CallOn(second, new(Id(Request.Read), enclave.At(Layout.Data).Value)));
        worker.Start();
        worker.Join();
        Say($"   the new thread reads what the first one left: {answer.Rdx}");
    }

    private void Shrink(Enclave enclave)
    {
        Say($"7. Take the first {Layout.HeapPages} heap pages away: trim them (EMODT), accept that (EACCEPT), have them removed (EREMOVE)");
        enclave.ModifyTypes(Layout.Heap, Layout.HeapPages * Layout.Page, PageType.Trim);
        Accept(enclave, Layout.Heap, Layout.HeapPages, SecinfoFlags.Trim | SecinfoFlags.Modified);
        enclave.RemovePages(Layout.Heap, Layout.HeapPages * Layout.Page);
        Say($"   {Layout.HeapPages * Layout.Page} bytes are gone");
    }

    // On the first thread: it has the frames for what follows.
    private static ulong Ask(Enclave enclave, Request request, ulong offset, ulong value = 0, SecinfoFlags flags = 0) =>
        enclave.CallOn(enclave.Threads[0], new(Id(request), enclave.At(offset).Value, value, (ulong)flags)).Rdx;

    private static void Accept(Enclave enclave, ulong offset, ulong pages, SecinfoFlags flags)
    {
        ulong error = Ask(enclave, Request.Accept, offset, pages, flags);
        if (error != 0)
        {
            throw new EnclaveException($"EACCEPT at 0x{offset:x}: {(SgxError)error}");
        }
    }

    // An addition that runs into a page fault. What cures it is asked of the enclave on the same thread: EENTER on a thread with an
    // exception enters its handler. Then ERESUME goes on where the fault was.
    private ulong AskAndCure(Enclave enclave, ulong offset, ulong value, EnclaveRegisters cure)
    {
        return enclave.CallOn(enclave.Threads[0], new(Id(Request.Add), enclave.At(offset).Value, value), Handle).Rdx;

        ExitDecision Handle(EnclaveThread thread, EnclaveExit exit)
        {
            if (exit.Fault is not { RefusedByEpcm: true } fault)
            {
                return ExitDecision.Finish;
            }

            Say($"   exception {(int)fault.Vector}, error code 0x{fault.ErrorCode:x4}, at the enclave's offset 0x{fault.Address - enclave.BaseAddress:x}");
            EnclaveExit cured = thread.Enter(cure);
            return cured.Fault is null && cured.Registers.Rdx == 0 ? ExitDecision.Resume : ExitDecision.Finish;
        }
    }

    private static ulong Id(Request request) => (ulong)request;

    private readonly record struct Three(long First, long Second, long Third);

    private void Say(string text) => output.WriteLine(text);
}
