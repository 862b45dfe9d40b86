using System.Runtime.InteropServices;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests;

/// <summary>
/// <see cref="ExecSetup"/>: what a program finds when it begins. Its CPUID is not replaced here, where this process is the program.
/// </summary>
[Collection(ScenarioCollection.Name)]
public sealed class ExecSetupTests : IDisposable
{
    private const ulong AtPageSize = 6, AtSysinfoEhdr = 33, PageSize = 4096;
    private const int Stack32Bit = 0x23;
    private readonly TestEngine _engine = new();
    private readonly ulong _stack = OwnMemory.Map(4);
    private readonly List<string> _notices = [];

    public ExecSetupTests()
    {
        // argc, argv, the environment, and the auxiliary vector.
        Put([2, 0x1111, 0x2222, 0, 0x3333, 0, AtPageSize, PageSize, AtSysinfoEhdr, Vdso(), 0, 0]);
        _engine.Held(_engine.Thread).OnCall = call => call.Number == SystemCall.ArchPrctl ? 0 : null;
    }

    public void Dispose()
    {
        OwnMemory.Unmap(_stack, 4);
        _engine.Dispose();
    }

    private AddressSpace Space => _engine.Thread.Space;

    [Fact]
    public void The_auxiliary_vector_leads_to_a_vDSO_with_the_function_of_SGX()
    {
        Prepare();

        Assert.Equal([2, 0x1111, 0x2222, 0, 0x3333, 0, AtPageSize, PageSize, AtSysinfoEhdr, Area.Vdso, 0, 0], Stack(12));
        var elf = new ElfImage(Space.Table!.Slice(RemoteCalls.Offset(Area.Vdso), Area.VdsoLength).ToArray());
        Assert.NotNull(elf.Lookup("__vdso_sgx_enter_enclave"));
        Assert.NotNull(elf.Lookup("__vdso_clock_gettime"));
        Assert.NotNull(Space.Vdso);
        Assert.True(Space.CpuidFaults);
        Assert.Equal([$"area of {_engine.Thread.Id}"], _engine.Platform.Log);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 40)]
    [InlineData(0UL)]
    public void A_stack_that_is_none_leads_nowhere(ulong arguments)
    {
        Put([arguments, 0, 0, 0]);
        Prepare();

        Assert.Null(Space.Vdso);
        Assert.True(Space.CpuidFaults);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_that_is_no_program_of_64_bits_is_left_as_it_is(bool hasFailed)
    {
        (_engine.Thread.Registers.Rax, _engine.Thread.Registers.Cs) = hasFailed ? (unchecked((ulong)-(long)Errno.ENOENT), 0x33UL)
            : (0UL, Stack32Bit);
        Prepare(keepRegisters: true);

        Assert.Empty(_engine.Platform.Log);
        Assert.Equal(Vdso(), Stack(12)[9]);
    }

    [Fact]
    public void Where_the_pages_find_no_place_the_first_program_is_an_error_and_others_are_told_of()
    {
        _engine.Platform.OnMapArea = (Errno.ENOMEM, "mmap");
        Assert.Equal(Errno.ENOMEM, Assert.Throws<LinuxException>(() => Prepare(isFirst: true)).Errno);
        Prepare();
        Assert.Contains("mmap: ENOMEM", Assert.Single(_notices));
        Assert.Null(Space.Vdso);

        // What forbids it at all is no program's own doing.
        _engine.Platform.OnMapArea = (Errno.EPERM, "memfd_create");
        Assert.Equal(Errno.EPERM, Assert.Throws<LinuxException>(() => Prepare()).Errno);
    }

    private void Prepare(bool isFirst = false, bool keepRegisters = false)
    {
        ref UserRegisters r = ref _engine.Thread.Registers;
        (r.Rsp, r.Rax, r.Cs) = keepRegisters ? (_stack, r.Rax, r.Cs) : (_stack, 0, 0x33);
        ExecSetup.Prepare(_engine.Platform, _engine.Thread, fast: false, switchesView: false, isFirst, CpuidMode.Fault, _notices.Add);
    }

    private void Put(ulong[] words) => Assert.True(Space.Memory.TryWrite(_stack, MemoryMarshal.AsBytes<ulong>(words)));

    private ulong[] Stack(int words)
    {
        ulong[] stack = new ulong[words];
        Assert.True(Space.Memory.TryRead(_stack, MemoryMarshal.AsBytes(stack.AsSpan())));
        return stack;
    }

    private static ulong Vdso() => MapsLine.Of(Environment.ProcessId)!.Single(line => line.Path == "[vdso]").Start;
}
