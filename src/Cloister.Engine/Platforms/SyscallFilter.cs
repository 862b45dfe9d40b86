using Cloister.Engine.Platforms.Tracing;
using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>The seccomp filters: which system calls stop for the tracer. All others run untouched.</summary>
internal static class SyscallFilter
{
    private const uint ArchitectureX8664 = 0xc000003e;
    /// <summary>A filter that makes some calls stop.</summary>
    public static byte[] Of(IEnumerable<TracedCall> calls)
    {
        BpfProgram program = new BpfProgram()
            .Load(BpfProgram.ArchitectureOffset).UnlessEqual(ArchitectureX8664, "allow")
            .Load(BpfProgram.NumberOffset).IfEqual(Gadget.EndOfBatch, "end");
        return Epilogue(Tests(program, calls)).Assemble();
    }

    /// <summary>A filter that asks a listener of some calls.</summary>
    public static byte[] Asking(IEnumerable<TracedCall> calls) => Tests(
        new BpfProgram().Load(BpfProgram.ArchitectureOffset).UnlessEqual(ArchitectureX8664, "allow").Load(BpfProgram.NumberOffset), calls)
        .Label("trace").UnlessAt(Area.Gadget, "ask").Jump("allow")
        .Label("ask").Return(BpfProgram.Notify)
        .Label("allow").Return(BpfProgram.Allow).Assemble();

    private static BpfProgram Tests(BpfProgram program, IEnumerable<TracedCall> calls)
    {
        var tests = new List<ArgumentTest>();

        // The number comes first and decides for most calls: the kernel then remembers that it need not run the filter for them
        // at all (SECCOMP_CACHE). Only what would stop is asked where it comes from.
        foreach (TracedCall call in calls)
        {
            if (!call.Test.IsAlways && !tests.Contains(call.Test))
            {
                tests.Add(call.Test);
            }

            _ = program.IfEqual((uint)call.Number, call.Test.IsAlways ? "trace" : LabelOf(tests.IndexOf(call.Test)));
        }

        _ = program.Return(BpfProgram.Allow);
        for (int i = 0; i < tests.Count; i++)
        {
            tests[i].Emit(program.Label(LabelOf(i)));
        }

        return program;

        static string LabelOf(int test) => $"test {test}";
    }

    /// <summary>Every system call made from inside an enclave's range: SYSCALL is illegal there.</summary>
    /// <remarks>A range may hold all of user space, the gadget too.</remarks>
    public static byte[] Elrange(ulong start, ulong size)
    {
        // An enclave is aligned to its size, a power of two: a range test is a mask test. SDM 3D, ECREATE.
        uint highMask = (uint)(~(size - 1) >> 32), lowMask = (uint)~(size - 1);
        return Epilogue(new BpfProgram()
            .Load(BpfProgram.InstructionPointerOffset + 4).And(highMask).UnlessEqual((uint)(start >> 32) & highMask, "allow")
            .Load(BpfProgram.InstructionPointerOffset).And(lowMask).UnlessEqual((uint)start & lowMask, "allow")).Assemble();
    }

    // What the gadget calls passes, but for the end of a batch.
    private static BpfProgram Epilogue(BpfProgram program) => program
        .Label("trace").UnlessAt(Area.Gadget, "always").Return(BpfProgram.Allow)
        .Label("end").UnlessAt(Area.Gadget, "allow")
        .Label("always").Return(BpfProgram.Trace)
        .Label("allow").Return(BpfProgram.Allow);

    // A page, by its address.
    private static BpfProgram UnlessAt(this BpfProgram program, ulong page, string label) => program
        .Load(BpfProgram.InstructionPointerOffset + 4).UnlessEqual((uint)(page >> 32), label)
        .Load(BpfProgram.InstructionPointerOffset).And(0xfffff000).UnlessEqual(unchecked((uint)page), label);
}
