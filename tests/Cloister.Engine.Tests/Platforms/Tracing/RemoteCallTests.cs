using System.Runtime.InteropServices;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms.Tracing;

/// <summary>
/// <see cref="Bootstrap"/>, <see cref="AreaMapping"/> and <see cref="GadgetCalls"/>: calls in a program's name, of which it sees nothing.
/// </summary>
[Collection(HeldCollection.Name)]
public sealed class RemoteCallTests
{
    [Fact]
    public void A_single_call_leaves_registers_and_code_as_they_were() => HeldProgram.Run(held =>
    {
        UserRegisters before = held.Thread.Peek();
        byte[] code = held.Read(before.Rip, 16);

        Assert.Equal(held.Id, Bootstrap.Call(held.Thread, SystemCall.Getpid));
        Assert.Equal(-(long)Errno.EBADF, Bootstrap.Call(held.Thread, SystemCall.Close, 1_000_000));
        Assert.Equal(code, held.Read(before.Rip, 16));
        Assert.Equal(before with { OrigRax = ulong.MaxValue }, held.Thread.Peek());
    });

    [Theory]
    [InlineData(57, false)]
    [InlineData(58, true)]
    public void Calls_in_the_middle_of_fork_and_vfork_leave_it_its_result(byte call, bool isReleased) => HeldProgram.RunWithArea(held =>
    {
        // mov eax, call; syscall; jmp itself
        held.Put(0xb8, call, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xfe);
        ulong behind = held.Thread.Peek().Rip + 7;
        Assert.Equal(EventKind.ChildMade, held.ResumeToEvent().Kind);
        Assert.True(held.Platform.TryGetTold(held.Id, out int child));
        Assert.Equal(Errno.None, HostKernel.Kill(child, Signal.SIGKILL));
        if (isReleased)
        {
            Assert.Equal(EventKind.ChildReleased, held.ResumeToEvent().Kind);
        }

        Assert.Equal([held.Id], new RemoteCalls().Add(SystemCall.Getpid).Run(held.Thread));
        Assert.Equal(((ulong)child, behind), (held.Thread.Peek().Rax, held.Thread.Peek().Rip));
    });

    [Fact]
    public void A_single_call_has_each_argument() => HeldProgram.Run(held =>
    {
        const ulong place = 0x5_0000_0000;
        long mapped = Bootstrap.Call(held.Thread, SystemCall.Mmap, place, 8192, MemoryProtection.Read, MemoryProtection.Private
            | MemoryProtection.Anonymous
            | MemoryProtection.FixedNoReplace, ulong.MaxValue, 0);

        Assert.Equal((long)place, mapped);
        MapsLine line = HeldMappings.Of(held.Thread).Single(line => line.Start == place);
        Assert.Equal((place + 8192, MemoryProtection.Read, false), (line.End, line.Protection, line.IsShared));
    });

    [Fact]
    public void A_signal_that_comes_meanwhile_is_not_lost() => HeldProgram.Run(held =>
    {
        Assert.Equal(Errno.None, HostKernel.Kill(held.Id, Signal.SIGUSR1));
        Assert.Equal(held.Id, Bootstrap.Call(held.Thread, SystemCall.Getpid));
        Assert.Equal(Signal.SIGUSR1, Assert.Single(held.Thread.Deferred).Signal);

        held.Put(0xeb, 0xfe);
        held.Platform.SendDeferred(held.Thread);
        ProgramEvent happened = held.ResumeToEvent();
        Assert.Equal((EventKind.Signal, Signal.SIGUSR1), (happened.Kind, happened.Signal));
    });

    [Fact]
    public void Cloisters_pages_are_where_they_belong_and_no_descriptor_stays() => HeldProgram.Run(held =>
    {
        int descriptors = Directory.GetFileSystemEntries($"/proc/{held.Id}/fd").Length;
        UserRegisters before = held.Thread.Peek();
        Assert.Equal(Errno.None, AreaMapping.Map(held.Thread, out _));

        List<MapsLine> lines = HeldMappings.Of(held.Thread);
        MapsLine gadget = At(lines, Area.Gadget), table = At(lines, Area.Table), vdso = At(lines, Area.Vdso);
        Assert.Equal((Area.Table, 5, false), (gadget.End, gadget.Protection, gadget.IsShared));
        Assert.Equal((Area.Table + Area.TableLength, 3, true), (table.End, table.Protection, table.IsShared));
        Assert.Equal((Area.Vdso + Area.VdsoLength, 5, true), (vdso.End, vdso.Protection, vdso.IsShared));
        Assert.StartsWith("/memfd:cloister", table.Path);
        Assert.Equal((table.Inode, table.Inode), (held.Thread.Process.Memory.AreaInode, vdso.Inode));
        Assert.Equal(descriptors, Directory.GetFileSystemEntries($"/proc/{held.Id}/fd").Length);
        Assert.Equal(before with { OrigRax = ulong.MaxValue }, held.Thread.Peek());
        Assert.Equal(Gadget.Code.ToArray(), held.Read(Area.Gadget, Gadget.Code.Length));
    });

    [Fact]
    public void What_a_program_has_in_their_place_stays() => HeldProgram.Run(held =>
    {
        Assert.Equal((long)Area.Gadget,
            Bootstrap.Call(held.Thread, SystemCall.Mmap, Area.Gadget, 4096, MemoryProtection.Read, MemoryProtection.Private
            | MemoryProtection.Anonymous | MemoryProtection.FixedNoReplace, ulong.MaxValue, 0));

        Assert.Equal(Errno.EEXIST, AreaMapping.Map(held.Thread, out string call));
        Assert.Equal("mmap", call);
        Assert.Equal(MemoryProtection.Read, At(HeldMappings.Of(held.Thread), Area.Gadget).Protection);
    });

    [Fact]
    public void A_program_that_has_no_room_for_them_keeps_nothing_of_them() => HeldProgram.Run(held =>
    {
        const int addressSpace = 9; // RLIMIT_AS
        int descriptors = Directory.GetFileSystemEntries($"/proc/{held.Id}/fd").Length;
        ulong used = (ulong)HeldMappings.Of(held.Thread).Sum(line => (long)(line.End - line.Start));
        Assert.True(new ResourceLimit(addressSpace, used + 4096, used + 4096).Apply(held.Id));

        Assert.Equal(Errno.ENOMEM, AreaMapping.Map(held.Thread, out _));
        Assert.Null(held.Thread.Process.Memory.Table);
        Assert.Equal(descriptors, Directory.GetFileSystemEntries($"/proc/{held.Id}/fd").Length);
        Assert.DoesNotContain(HeldMappings.Of(held.Thread), line => line.Start - Area.Base < Area.Length);
    });

    [Fact]
    public void Any_number_of_calls_are_made_in_order_and_have_their_results() => HeldProgram.RunWithArea(held =>
    {
        const int many = 3 * (Area.DataOffset / Gadget.EntryLength) + 5;
        var calls = new RemoteCalls();
        for (int i = 0; i < many; i++)
        {
            _ = i % 2 == 0 ? calls.Add(SystemCall.Getpid) : calls.Add(SystemCall.Close, (ulong)(1_000_000 + i));
        }

        UserRegisters before = held.Thread.Peek();
        Assert.Equal(Enumerable.Range(0, many).Select(i => i % 2 == 0 ? held.Id : -(long)Errno.EBADF), calls.Run(held.Thread));
        Assert.Equal(before with { OrigRax = ulong.MaxValue }, held.Thread.Peek());
    });

    [Fact]
    public void Calls_find_their_data_and_write_theirs() => HeldProgram.RunWithArea(held =>
    {
        // A file is made by the name that was given, and stat says what it is.
        long descriptor = new RemoteCalls().WithData("cloister:data\0"u8).Add(SystemCall.MemfdCreate, RemoteCalls.DataAddress, 1)
            .Run(held.Thread)[0];
        Assert.StartsWith("/memfd:cloister:data", new FileInfo($"/proc/{held.Id}/fd/{descriptor}").LinkTarget);
        Assert.Equal(0, new RemoteCalls().Add(SystemCall.Fstat, (ulong)descriptor, RemoteCalls.DataAddress).Run(held.Thread)[0]);
        Assert.Equal(2, MemoryMarshal.Cast<byte, ulong>(RemoteCalls.Data(held.Thread, 24))[2] == 0 ? 2
            : 0); // st_nlink of a file without a name
    });

    [Fact]
    public void Signals_wait_and_the_programs_mask_is_as_it_was() => HeldProgram.RunWithArea(held =>
    {
        ulong mask = 1UL << (Signal.SIGHUP - 1);
        Assert.Equal(Errno.None, Ptrace.SetSignalMask(held.Id, mask));
        Assert.Equal(Errno.None, HostKernel.Kill(held.Id, Signal.SIGUSR1));

        Assert.Equal([held.Id], new RemoteCalls().Add(SystemCall.Getpid).Run(held.Thread));
        Assert.Equal(mask, held.Signals("SigBlk:"));
        Assert.Equal(1UL << (Signal.SIGUSR1 - 1), held.Signals("ShdPnd:"));
        Assert.True(held.Thread.StopIsSpent);
    });

    [Fact]
    public void A_program_that_takes_the_pages_away_ends() => HeldProgram.RunWithArea(held =>
    {
        // The gadget's own SYSCALL is the last thing that it executes.
        Assert.Equal(held.Id,
            Assert.Throws<ThreadEndedException>(() => new RemoteCalls().Add(SystemCall.Munmap, Area.Gadget, 4096).Run(held.Thread)).Thread);
        Assert.Equal(Signal.SIGKILL, held.Next().EndedBy);
    });

    private static MapsLine At(List<MapsLine> lines, ulong address) => lines.Single(line => line.Start <= address && address < line.End);
}
