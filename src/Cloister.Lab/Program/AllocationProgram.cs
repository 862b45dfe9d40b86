using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Host;
using Cloister.Linux;

namespace Cloister.Lab.Program;

/// <summary>The program of the experiment. It runs in a process of its own, on the machine, and knows nothing of it.</summary>
/// <remarks>It goes through Cloister.Host only, and so would run on SGX2 hardware as well, where the kernel has what a way needs.</remarks>
public static class AllocationProgram
{
    private const PageAccess ReadWrite = PageAccess.Read | PageAccess.Write;
    private const SecinfoFlags NewPage = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending;
    private const SecinfoFlags CodePage = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.X;

    /// <summary>Before the name of a file that has a pattern's pages, one on a line.</summary>
    public const string FileMark = "@";

    /// <summary>Runs cells, one enclave for each, and writes a line for each to a file: nanoseconds to build, nanoseconds to use.</summary>
    /// <param name="arguments">The file, pages of the range, then cells as WAY:PATTERN or WAY:@FILE.</param>
    /// <returns>The exit status.</returns>
    public static int Run(IReadOnlyList<string> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        int pages = int.Parse(arguments[1], CultureInfo.InvariantCulture);
        try
        {
            // Making the key takes a second or so, and is no part of what is measured.
            _ = DebugSigner.Shared;
            using StreamWriter output = File.CreateText(arguments[0]);
            foreach (string cell in arguments.Skip(2))
            {
                string[] names = cell.Split(':', 2);
                (long build, long use) = Run(AllocationWay.Find(names[0])!, PatternOf(names[1]), pages);
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{build} {use}"));
                output.Flush();
            }

            return 0;
        }
        catch (EnclaveException e)
        {
            Console.Error.WriteLine($"cloister: the program of the experiment: {e.Message}");
            return 1;
        }
    }

    private static AllocationPattern PatternOf(string name) => !name.StartsWith(FileMark, StringComparison.Ordinal)
        ? AllocationPattern.Find(name)!
        : AllocationPattern.Of(name,
            [.. File.ReadLines(name[FileMark.Length..]).Select(line => int.Parse(line, CultureInfo.InvariantCulture))]);

    private static (long Build, long Use) Run(AllocationWay way, AllocationPattern pattern, int pages)
    {
        IReadOnlyList<PageUse> uses = pattern.Uses(pages);
        long started = Stopwatch.GetTimestamp();
        using Enclave enclave = Build(way, pattern, pages);
        long built = Stopwatch.GetTimestamp();
        using PageBuffer list = ListOf(enclave, way, uses);
        long listed = Stopwatch.GetTimestamp();
        Provide(enclave, way, pattern, pages);
        ulong sum = Use(enclave, way, pattern, list, (ulong)uses.Count);
        long used = Stopwatch.GetTimestamp();
        ulong expected = Expected(enclave, pattern, uses);
        return sum == expected
            ? (Nanoseconds(built - started), Nanoseconds(used - listed))
            : throw new EnclaveException($"{way.Id}, {pattern.Id}: the pages gave {sum} and not {expected}");
    }

    private static Enclave Build(AllocationWay way, AllocationPattern pattern, int pages)
    {
        var builder = new EnclaveBuilder(EnclaveLayout.SizeFor(pages));
        builder.Add(EnclaveLayout.Code, ExperimentCode.Assemble(), PageAccess.Read | PageAccess.Execute, name: "code");
        builder.AddZeros(EnclaveLayout.Staging, 1, ReadWrite, name: "emitted code");
        builder.AddThread(EnclaveLayout.Thread, new Tcs
        {
            Ossa = EnclaveLayout.Frames,
            Nssa = EnclaveLayout.FrameCount,
            Fslimit = uint.MaxValue,
            Gslimit = uint.MaxValue,
        });
        builder.AddZeros(EnclaveLayout.ThreadsOwn, 1, ReadWrite, name: "the thread's own");
        builder.AddZeros(EnclaveLayout.Frames, EnclaveLayout.FrameCount, ReadWrite, name: "SSA");
        if (way == AllocationWay.Static)
        {
            builder.AddZeros(EnclaveLayout.Range, pages, AccessTo(pattern), name: "the range");
        }

        return builder.Build();
    }

    // A JIT's pages may do everything as far as the page tables go; what a page may do the enclave says when it accepts it.
    private static PageAccess AccessTo(AllocationPattern pattern) => pattern.RunsCode ? ReadWrite | PageAccess.Execute : ReadWrite;

    private static void Provide(Enclave enclave, AllocationWay way, AllocationPattern pattern, int pages)
    {
        ulong length = (ulong)pages * EnclaveLayout.Page;
        if (way != AllocationWay.Static)
        {
            enclave.Map(EnclaveLayout.Range, length, AccessTo(pattern), populate: way == AllocationWay.Populate);
        }

        if (way == AllocationWay.Augment)
        {
            enclave.AugmentPages(EnclaveLayout.Range, length);
        }
    }

    private static PageBuffer ListOf(Enclave enclave, AllocationWay way, IReadOnlyList<PageUse> uses)
    {
        PageBuffer buffer = PageBuffer.Allocate(uses.Count * sizeof(ulong));
        Span<ulong> list = Entries(buffer);
        ulong mayAccept = way == AllocationWay.AugmentEach ? 0 : ExperimentCode.MayAccept;
        for (int i = 0; i < uses.Count; i++)
        {
            list[i] = AddressOf(enclave, uses[i].Page) | mayAccept | (uses[i].First ? ExperimentCode.FirstUse : 0);
        }

        return buffer;
    }

    private static ulong Use(Enclave enclave, AllocationWay way, AllocationPattern pattern, PageBuffer list, ulong count)
    {
        EnclaveRequest request = RequestFor(way, pattern.RunsCode);
        SecinfoFlags flags = pattern.RunsCode ? CodePage : NewPage;
        ulong at = list.Address, end = at + (count * sizeof(ulong)), staging = enclave.At(EnclaveLayout.Staging).Value, sum = 0;
        while (true)
        {
            EnclaveRegisters answer = enclave.CallOn(
                enclave.Threads[0],
                new((ulong)request, at, (end - at) / sizeof(ulong), (ulong)flags, staging),
                way == AllocationWay.Access ? Accept : null);
            sum += answer.R8;
            if (answer.Rdx != 0)
            {
                throw new EnclaveException($"{way.Id}, {pattern.Id}: the enclave's page was not accepted: {(SgxError)answer.Rdx}");
            }

            if (answer.Rsi == end)
            {
                return sum;
            }

            // The enclave wants a page: "enclave calls back to host to do mmap()", V2 16/32.
            at = answer.Rsi;
            ref ulong entry = ref Entries(list)[(int)((at - list.Address) / sizeof(ulong))];
            enclave.AugmentPages((entry & ~(EnclaveLayout.Page - 1)) - enclave.BaseAddress.Value, EnclaveLayout.Page);
            entry |= ExperimentCode.MayAccept;
        }

        // The page is there and pending. The enclave's handler, entered on the same thread, accepts it.
        ExitDecision Accept(EnclaveThread thread, EnclaveExit exit)
        {
            if (exit.Fault is not { RefusedByEpcm: true } fault)
            {
                return ExitDecision.Finish;
            }

            EnclaveRequest cure = pattern.RunsCode ? EnclaveRequest.AcceptCodeOne : EnclaveRequest.AcceptOne;
            EnclaveExit cured = thread.Enter(new((ulong)cure, fault.Address.Value, 0, (ulong)flags, staging));
            return cured.Fault is null && cured.Registers.Rdx == 0 ? ExitDecision.Resume : ExitDecision.Finish;
        }
    }

    private static EnclaveRequest RequestFor(AllocationWay way, bool runsCode)
    {
        if (way == AllocationWay.Static)
        {
            return runsCode ? EnclaveRequest.EmitAndCall : EnclaveRequest.Touch;
        }

        if (way == AllocationWay.Access)
        {
            return runsCode ? EnclaveRequest.Call : EnclaveRequest.Touch;
        }

        return runsCode ? EnclaveRequest.AcceptCodeAndCall : EnclaveRequest.AcceptAndTouch;
    }

    // What the uses give when every page was new and zero, kept what was written, and ran what was emitted.
    private static ulong Expected(Enclave enclave, AllocationPattern pattern, IReadOnlyList<PageUse> uses)
    {
        var before = new Dictionary<int, ulong>();
        ulong sum = 0;
        foreach (PageUse use in uses)
        {
            before[use.Page] = before.GetValueOrDefault(use.Page) + 1;
            sum += pattern.RunsCode ? (uint)(AddressOf(enclave, use.Page) >> 12) : before[use.Page];
        }

        return sum;
    }

    private static ulong AddressOf(Enclave enclave, int page) => enclave.At(EnclaveLayout.Range + ((ulong)page * EnclaveLayout.Page)).Value;

    private static Span<ulong> Entries(PageBuffer list) => MemoryMarshal.Cast<byte, ulong>(list.Bytes);

    private static long Nanoseconds(long ticks) => (long)(ticks * (1e9 / Stopwatch.Frequency));
}
