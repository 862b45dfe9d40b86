using Cloister.Architecture;
using Cloister.Linux;
using static Cloister.Host.Tests.Programs.TestCode;

namespace Cloister.Host.Tests.Programs;

/// <summary>Pages that come, change and go while the enclave runs, and what is left of an enclave that is gone.</summary>
internal static partial class Scenarios
{
    private const SecinfoFlags NewPage = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending;

    public static void GrowByTouching(EntryMethod method)
    {
        const ulong at = 140 * Page;
        using Enclave enclave = Builder(1, method).Build();
        enclave.Map(at, Page, ReadWrite);

        // The page comes pending; the fault reaches the program, which has the enclave accept it and goes on where the fault was.
        EnclaveFault? fault = null;
        Assert.Equal(7ul,
            enclave.Call(new(Id(Request.Add), enclave.At(at).Value, 7),
                Cure(Request.Accept, enclave.At(at), NewPage, seen => fault = seen)).Rdx);
        Assert.Equal((ExceptionVector.PageFault, enclave.At(at), true),
            (fault!.Value.Vector, fault.Value.Address, fault.Value.RefusedByEpcm));
    }

    public static void AugmentByIoctl(EntryMethod method)
    {
        const ulong at = 150 * Page;
        using Enclave enclave = Builder(1, method).Build();
        enclave.Map(at, Page, ReadWrite);
        EnclaveOperationException refused = Assert.Throws<EnclaveOperationException>(() => enclave.AugmentPages(at, Page));
        Assert.Equal(Errno.ENOTTY, refused.Errno);
        Assert.Contains("Linux never took", refused.Message, StringComparison.Ordinal);
    }

    public static void RestrictAndExtend(EntryMethod method)
    {
        const SecinfoFlags read = SecinfoFlags.Reg | SecinfoFlags.R, both = read | SecinfoFlags.W;
        using Enclave enclave = Builder(1, method).Build();
        ulong data = enclave.At(Data).Value;
        enclave.RestrictPermissions(Data, Page, PageAccess.Read);
        Assert.Equal(0ul, enclave.Call(Id(Request.Accept), data, (ulong)(read | SecinfoFlags.Pr)).Rdx);
        EnclaveFault? fault = null;
        Assert.Equal(9ul,
            enclave.Call(new(Id(Request.Add), data, 9), Cure(Request.Extend, enclave.At(Data), both, seen => fault = seen)).Rdx);
        Assert.True(fault is { RefusedByEpcm: true });
    }

    public static void MakeThread(EntryMethod method)
    {
        const ulong at = 160 * Page, size = ThreadPages * Page;
        using Enclave enclave = Builder(1, method).Build();
        enclave.Map(at, size, ReadWrite);
        for (ulong page = at; page < at + size; page += Page)
        {
            Assert.Equal(0ul, enclave.Call(Id(Request.Accept), enclave.At(page).Value, (ulong)NewPage).Rdx);
        }

        // SDM 3D, TCS: OSSA at 16, CSSA and NSSA at 24, FSLIMIT and GSLIMIT at 64; the entry is at 0 here.
        foreach ((ulong field, ulong value) in new[] { (16ul, at + Page), (24ul, (ulong)Frames << 32), (64ul, ulong.MaxValue) })
        {
            _ = enclave.Call(Id(Request.Write), enclave.At(at + field).Value, value);
        }

        enclave.ModifyTypes(at, Page, PageType.Tcs);
        Assert.Equal(0ul, enclave.Call(Id(Request.Accept), enclave.At(at).Value, (ulong)(SecinfoFlags.Tcs | SecinfoFlags.Modified)).Rdx);
        EnclaveThread made = enclave.AddThread(at);
        Assert.Equal(2, enclave.Threads.Count);
        Assert.Equal(5ul, enclave.CallOn(made, new(Id(Request.Add), enclave.At(Data).Value, 5)).Rdx);
        _ = Assert.Throws<ArgumentException>(() => enclave.AddThread(at));
    }

    public static void LeavesNothingBehind(EntryMethod method)
    {
        // Stacks of 256 KiB and addresses of 1 MiB: 64 times that would show.
        const int times = 64, threads = 4;
        const long room = 24L << 20;
        Once();
        string[] files = Files();
        long before = Used();
        for (int i = 0; i < times; i++)
        {
            Once();
        }

        string[] left = Files();
        Assert.True(files.Length == left.Length, $"left: {string.Join(", ", left.Except(files))}");
        Assert.True(Used() - before < room, $"{Used() - before} bytes of addresses are still in use");

        void Once()
        {
            Enclave enclave = Builder(threads, method).Build();
            _ = enclave.Call(Id(Request.Add), enclave.At(Data).Value, 1);
            EnclaveThread thread = enclave.Threads[0];
            enclave.Dispose();
            enclave.Dispose();
            _ = Assert.Throws<ObjectDisposedException>(() => thread.Enter());
        }

        // Without assemblies: the runtime opens one when code that needs it is compiled, at any time.
        static string[] Files() =>
            [.. Directory.GetFiles("/proc/self/fd").Select(file => $"{Path.GetFileName(file)} {new FileInfo(file).LinkTarget}")
                .Where(file => !file.EndsWith(".dll", StringComparison.Ordinal))];
        static long Used() => long.Parse(HostKernel.StatusField(Environment.ProcessId, "VmSize:")!.Split(' ')[0], null) * 1024;
    }

    public static void HandlerThatThrows(EntryMethod method)
    {
        using Enclave enclave = Builder(1, method).Build();
        Exception? seen = null;
        var dying = new Thread(
            () => seen = Record.Exception(() => enclave.Call(new(Id(Request.Ask), 0, 1), (_, _) => throw new TimeoutException())));
        dying.Start();
        dying.Join();
        Assert.IsType<TimeoutException>(seen);

        // It had left by EEXIT: the TCS is free, whichever thread comes next.
        Assert.Equal(3ul, enclave.Call(Id(Request.Add), enclave.At(Data).Value, 3).Rdx);
    }

    public static void ThreadThatStaysInside(EntryMethod method)
    {
        // Neither disposed nor left: the process ends all the same, and the machine takes everything back.
        Enclave enclave = Builder(1, method).Build();
        PageBuffer flags = PageBuffer.Allocate(16);
        _ = Enter(enclave, flags, _ => { });
    }

    // What an exception asks for is asked of the enclave on the same thread, in its next frame; then it goes on.
    private static ExitHandler Cure(Request request, LinearAddress page, SecinfoFlags flags, Action<EnclaveFault> seen) => (thread, exit) =>
    {
        if (exit.Fault is not { } fault)
        {
            return ExitDecision.Finish;
        }

        seen(fault);
        EnclaveExit cured = thread.Enter(new(Id(request), page.Value, (ulong)flags));
        return cured.Fault is null && cured.Registers.Rdx == 0 ? ExitDecision.Resume : ExitDecision.Finish;
    };
}
