using System.Runtime.InteropServices;
using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.SystemCalls;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.SystemCalls;

/// <summary>
/// <see cref="SystemCallHandlers"/> and whom it asks (<see cref="SpecialFiles"/>, <see cref="MapDevice"/>, <see cref="MappingPlacement"/>,
/// <see cref="ProtectMemory"/>, <see cref="UnmapMemory"/>, <see cref="RealMappings"/>, <see cref="Advice"/>, <see cref="MemoryLocks"/>,
/// <see cref="RangeCalls"/>, <see cref="Seals"/>, <see cref="DeviceFiles"/>):
/// what a program is answered that has the device open and mapped.
/// </summary>
[Collection(ScenarioCollection.Name)]
public sealed class SystemCallHandlersTests : IDisposable
{
    private const int ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private const long Enodev = -(long)Errno.ENODEV, Einval = -(long)Errno.EINVAL, Eacces = -(long)Errno.EACCES,
        Efault = -(long)Errno.EFAULT, Eperm = -(long)Errno.EPERM;
    private readonly TestEngine _engine = new();
    private readonly EnclaveImage _image = new();

    public void Dispose() => _engine.Dispose();

    private AddressSpace Space => _engine.Thread.Space;

    private long Call(long number, params ulong[] arguments) => _engine.Call(_engine.Thread, number, arguments);

    private ulong At(int page) => _image.At(page).Value;

    [Fact]
    public void A_program_that_opens_the_device_gets_the_filter_of_those_that_use_it()
    {
        long descriptor = _engine.Open("/dev/sgx_enclave");

        Assert.True(descriptor >= 0);
        Assert.True(_engine.Thread.Process.IsDeviceUser);
        Assert.Contains(_engine.Held(_engine.Thread).Calls, call => call.Number == SystemCall.Seccomp);
        HostKernel.Close((int)descriptor);
    }

    [Theory]
    [InlineData("/dev/sgx_enclave", true)]
    [InlineData("/dev/sgx_provision", true)]
    [InlineData("/dev/null", false)]
    public void Nodes_are_the_engines_and_other_files_the_kernels(string path, bool isNode)
    {
        long descriptor = _engine.Open(path);

        Assert.Equal(isNode, descriptor > 0 && _engine.Tracer.Files.Find(_engine.Thread, (int)descriptor) is not null);
        if (isNode)
        {
            Assert.Equal(0, Call(SystemCall.Close, (ulong)descriptor));
        }
    }

    [Fact]
    public void What_is_not_mapped_shared_is_refused_and_so_is_what_the_node_cannot_map()
    {
        ulong enclave = (ulong)_engine.Open("/dev/sgx_enclave"), provision = (ulong)_engine.Open("/dev/sgx_provision");

        Assert.Equal(Einval, Call(SystemCall.Mmap, 0, 4096, ReadWrite, MemoryProtection.Private, enclave, 0));
        Assert.Equal(Einval, Call(SystemCall.Mmap, 0, 0, ReadWrite, MemoryProtection.Shared, enclave, 0));
        Assert.Equal(Enodev, Call(SystemCall.Mmap, 0, 4096, ReadWrite, MemoryProtection.Shared, provision, 0));
        Assert.Equal(0, Call(SystemCall.Close, enclave));
        Assert.Equal(0, Call(SystemCall.Close, provision));
    }

    [Fact]
    public void A_mapping_stands_in_the_books_with_the_programs_rights_and_is_really_without_any()
    {
        _engine.Build(_image);
        EnclaveMapping code = Space.Mappings.Find(At(EnclaveImage.CodePage))!;

        Assert.Equal((At(EnclaveImage.CodePage), MemoryProtection.Read | MemoryProtection.Execute), (code.Start, code.Protection));
        MapsLine line = HeldMappings.Of(_engine.Thread).Single(line => line.Start <= code.Start && code.Start < line.End);
        Assert.Equal((MemoryProtection.None, true), (line.Protection, line.IsMemoryFile));
    }

    [Fact]
    public void What_the_pages_forbid_mprotect_refuses()
    {
        _engine.Build(_image);

        Assert.Equal(Eacces, Call(SystemCall.Mprotect, At(EnclaveImage.CodePage), 4096, ReadWrite));
        Assert.Equal(0, Call(SystemCall.Mprotect, At(EnclaveImage.DataPage), 4096, MemoryProtection.Read));
        Assert.Equal(MemoryProtection.Read, Space.Mappings.Find(At(EnclaveImage.DataPage))!.Protection);
    }

    [Fact]
    public void The_books_forget_what_is_unmapped_before_the_thread_makes_the_call()
    {
        _engine.Build(_image);
        int before = Space.Mappings.All.Count;
        Assert.Equal(0, Call(SystemCall.Munmap, At(EnclaveImage.CodePage), 4096));

        Assert.Null(Space.Mappings.Find(At(EnclaveImage.CodePage)));
        Assert.Equal(before - 1, Space.Mappings.All.Count);
        Assert.Empty(Space.Unmappings);
    }

    [Fact]
    public void Mappings_of_the_device_do_not_grow_nor_move()
    {
        const ulong fixedPlace = 3;
        _engine.Build(_image);

        Assert.Equal(Efault, Call(SystemCall.Mremap, At(EnclaveImage.CodePage), 4096, 8192, 1));
        Assert.Equal(Einval, Call(SystemCall.Mremap, At(EnclaveImage.CodePage), 4096, 4096, fixedPlace, 0x6000_0000_0000));
    }

    [Fact]
    public void A_file_that_nobody_has_open_or_mapped_is_released()
    {
        _engine.Build(_image);
        EnclaveFile file = Space.Mappings.Find(At(0))!.File;
        _engine.Close();
        Assert.False(file.IsReleased);
        Assert.Equal(0, Call(SystemCall.Munmap, _image.Base, _image.Size));

        Assert.True(file.IsReleased);
        Assert.Empty(_engine.Tracer.Files.All);
    }

    [Fact]
    public void The_device_has_nothing_to_be_synchronised_with()
    {
        const ulong synchronous = 4;
        _engine.Build(_image);

        Assert.Equal(Einval, Call(SystemCall.Msync, At(EnclaveImage.DataPage), 4096, synchronous));
    }

    [Fact]
    public void Locks_pass_the_device_over()
    {
        _engine.Build(_image);
        Assert.Equal(0, Call(SystemCall.Mlock, At(EnclaveImage.DataPage), 4096));

        Assert.Contains(_engine.Held(_engine.Thread).Calls,
            call => call.Number == SystemCall.Munlock && call.Arguments[0] == At(EnclaveImage.DataPage));
    }

    [Fact]
    public void Advice_that_the_kernel_refuses_for_such_mappings_is_refused()
    {
        const ulong free = 8, doFork = 11, dontFork = 10;
        _engine.Build(_image);

        Assert.Equal(Einval, Call(SystemCall.Madvise, At(EnclaveImage.DataPage), 4096, free));
        Assert.Equal(0, Call(SystemCall.Madvise, At(EnclaveImage.DataPage), 4096, dontFork));
        Assert.False(Space.Mappings.Find(At(EnclaveImage.DataPage))!.CopiesOnFork);
        Assert.Equal(Einval, Call(SystemCall.Madvise, At(EnclaveImage.DataPage), 4096, doFork));
    }

    [Fact]
    public void What_is_sealed_stays()
    {
        _engine.Build(_image);
        Assert.Equal(0, Call(SystemCall.Mseal, At(EnclaveImage.DataPage), 4096, 0));

        Assert.True(Space.HoldsSealed(At(EnclaveImage.DataPage), 4096));
        Assert.Equal(Eperm, Call(SystemCall.Munmap, At(EnclaveImage.DataPage), 4096));
        Assert.Equal(Eperm, Call(SystemCall.Mprotect, At(EnclaveImage.DataPage), 4096, MemoryProtection.Read));
    }

    [Fact]
    public void The_programs_affinity_and_its_dead_children_are_looked_after_first()
    {
        _ = Call(SystemCall.SchedGetaffinity, 0, 8, 0);
        Assert.Contains($"affinity of {_engine.Thread.Id}", _engine.Platform.Log);

        _engine.Platform.Happens(new ProgramEvent(EventKind.Ended, 99));
        Assert.Equal(Answer(SystemCall.Wait4), Engine.Programs.Answer.Pass);
        Assert.True(_engine.Platform.IsParked(99));
    }

    [Fact]
    public void An_action_is_remembered_once_the_kernel_has_it()
    {
        SignalAction[] action = [new() { Handler = 0x4000, Flags = 4 }];
        GCHandle pinned = GCHandle.Alloc(action, GCHandleType.Pinned);
        Assert.Equal(0, Call(SystemCall.RtSigaction, Signal.SIGSEGV, (ulong)pinned.AddrOfPinnedObject(), 0, 8));
        pinned.Free();

        Assert.Equal(0x4000UL, _engine.Thread.Process.Actions[Signal.SIGSEGV].Handler);
    }

    [Fact]
    public void A_call_that_has_no_row_is_the_kernels() => Assert.Equal(Engine.Programs.Answer.Pass, Answer(SystemCall.Getpid));

    [Fact]
    public void A_memory_that_cannot_be_reached_runs_without_the_machine()
    {
        MappedFile? table = Space.Table;
        Space.Table = null;
        Assert.Equal(Engine.Programs.Answer.Pass, Answer(SystemCall.Munmap));
        Space.Table = table;
    }

    [Fact]
    public void Ioctls_are_worked_on_between_stops_and_end_with_their_thread()
    {
        _engine.Build(_image);
        Assert.False(_engine.Tracer.Ioctls.Any);
        Assert.Equal(-(long)Errno.ENOTTY, _engine.Call(_engine.Thread, SystemCall.Ioctl, (ulong)_engine.Descriptor, 0xa4ff, 0));
    }

    private Engine.Programs.Answer Answer(long number)
    {
        _engine.Thread.Registers.OrigRax = (ulong)number;
        return _engine.Tracer.SystemCalls.Handle(_engine.Thread);
    }
}
