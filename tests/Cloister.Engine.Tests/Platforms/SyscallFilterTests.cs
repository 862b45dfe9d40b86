using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.SystemCalls;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;
using FsCheck;
using FsCheck.Fluent;

namespace Cloister.Engine.Tests.Platforms;

public class SyscallFilterTests
{
    private const ulong Here = 0xffffff9c, HereSigned = 0xffffffff_ffffff9c; // AT_FDCWD as an int and as a long
    private const ulong Rx = MemoryProtection.Read | MemoryProtection.Execute, Rw = MemoryProtection.Read | MemoryProtection.Write;
    private const uint I386 = 0x40000003;
    private static readonly byte[] Base = SystemCallTable.FilterOf(FilterSet.Base);
    private static readonly byte[] DeviceUser = SystemCallTable.FilterOf(FilterSet.DeviceUser);

    public static TheoryData<long, ulong[], bool> BaseCalls => new()
    {
        // By path.
        { SystemCall.Open, [], true },
        { SystemCall.Stat, [], true },
        { SystemCall.Lstat, [], true },
        { SystemCall.Access, [], true },
        { SystemCall.AddKey, [], true },
        { SystemCall.SchedGetaffinity, [], true },
        { SystemCall.SchedSetaffinity, [], true },
        { SystemCall.Seccomp, [], true },

        // PR_SET_SECCOMP and PR_GET_SECCOMP, and PR_SET_NAME.
        { SystemCall.Prctl, [22], true },
        { SystemCall.Prctl, [21], true },
        { SystemCall.Prctl, [15], false },

        // struct sockaddr_in has 16 bytes, and no other family's address is passed on so.
        { SystemCall.Connect, [3, 4096, 16], false },
        { SystemCall.Connect, [3, 4096, 110], true },
        { SystemCall.Connect, [3, 4096, 28], true },

        // Relative to a directory: where that is the working directory.
        { SystemCall.Openat, [Here], true },
        { SystemCall.Openat, [HereSigned], true },
        { SystemCall.Openat, [3], false },
        { SystemCall.Openat2, [Here], true },
        { SystemCall.Openat2, [3], false },
        { SystemCall.Newfstatat, [Here], true },
        { SystemCall.Newfstatat, [3], false },
        { SystemCall.Statx, [Here], true },
        { SystemCall.Statx, [3], false },
        { SystemCall.Faccessat, [Here], true },
        { SystemCall.Faccessat, [3], false },
        { SystemCall.Faccessat2, [Here], true },
        { SystemCall.Faccessat2, [3], false },

        // ioctls of magic number 0xa4 (uapi asm/sgx.h), of any descriptor, direction and size.
        { SystemCall.Ioctl, [3, 0x4008a400], true },
        { SystemCall.Ioctl, [5, 0xc030a401], true },
        { SystemCall.Ioctl, [5, 0xffffffff_c030a407], true },
        { SystemCall.Ioctl, [0, 0x5401], false },
        { SystemCall.Ioctl, [0, 0xa4], false },
        { SystemCall.Ioctl, [0, 0x4008a300], false },

        // Files that are mapped executable or shared.
        { SystemCall.Mmap, [0, 4096, Rx, MemoryProtection.Private, 3], true },
        { SystemCall.Mmap, [0, 4096, MemoryProtection.Execute, MemoryProtection.Private, 3], true },
        { SystemCall.Mmap, [0, 4096, Rw, MemoryProtection.Shared, 3], true },
        { SystemCall.Mmap, [0, 4096, 0, MemoryProtection.Shared, 3], true },
        { SystemCall.Mmap, [0, 4096, Rw, MemoryProtection.Private, 3], false },
        { SystemCall.Mmap, [0, 4096, Rw, MemoryProtection.Private | MemoryProtection.Anonymous, ulong.MaxValue], false },
        { SystemCall.Mmap, [0, 4096, Rw, MemoryProtection.Shared | MemoryProtection.Anonymous, ulong.MaxValue], false },

        // What becomes executable.
        { SystemCall.Mprotect, [0x1000, 4096, Rx], true },
        { SystemCall.Mprotect, [0x1000, 4096, Rw], false },
        { SystemCall.PkeyMprotect, [0x1000, 4096, Rx], true },
        { SystemCall.PkeyMprotect, [0x1000, 4096, Rw], false },

        // Handlers of the signals that exceptions become.
        { SystemCall.RtSigaction, [Signal.SIGILL], true },
        { SystemCall.RtSigaction, [Signal.SIGTRAP], true },
        { SystemCall.RtSigaction, [Signal.SIGBUS], true },
        { SystemCall.RtSigaction, [Signal.SIGSEGV], true },
        { SystemCall.RtSigaction, [Signal.SIGFPE], true },
        { SystemCall.RtSigaction, [Signal.SIGSYS], true },
        { SystemCall.RtSigaction, [Signal.SIGUSR1], false },
        { SystemCall.RtSigaction, [Signal.SIGINT], false },

        // All else runs untouched.
        { SystemCall.Read, [], false },
        { 1, [], false },
        { SystemCall.Close, [3], false },
        { SystemCall.Munmap, [0x1000, 4096], false },
        { SystemCall.Getpid, [], false },
        { 202, [], false },
        { 231, [], false },
    };

    public static TheoryData<long, ulong[], bool> DeviceUserCalls => new()
    {
        { SystemCall.Munmap, [], true },
        { SystemCall.Mremap, [], true },
        { SystemCall.Madvise, [], true },
        { SystemCall.Mprotect, [0x1000, 4096, Rw], true },
        { SystemCall.PkeyMprotect, [0x1000, 4096, Rw], true },
        { SystemCall.Mlock, [0x1000, 4096], true },
        { SystemCall.Mlock2, [0x1000, 4096, 1], true },
        { SystemCall.Mlockall, [3], true },
        { SystemCall.Munlock, [0x1000, 4096], false },
        { SystemCall.Msync, [0x1000, 4096, 4], true },
        { SystemCall.Mincore, [0x1000, 4096], true },
        { SystemCall.RemapFilePages, [0x1000, 4096], true },
        { SystemCall.ProcessMadvise, [3], true },

        // UFFDIO_REGISTER and UFFDIO_UNREGISTER, and nothing else of a userfaultfd.
        { SystemCall.Ioctl, [3, 0xc020aa00], true },
        { SystemCall.Ioctl, [3, 0x8010aa01], true },
        { SystemCall.Ioctl, [3, 0xc028aa03], false },
        { SystemCall.Close, [3], true },
        { SystemCall.CloseRange, [], true },
        { SystemCall.Dup2, [], true },
        { SystemCall.Dup3, [], true },
        { SystemCall.Fstat, [3], true },

        // Whatever may replace a mapping, and every file.
        { SystemCall.Mmap, [0x1000, 4096, Rw, MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.Fixed], true },
        { SystemCall.Mmap,
            [0x1000, 4096, Rw, MemoryProtection.Private | MemoryProtection.Anonymous | MemoryProtection.FixedNoReplace], true },
        { SystemCall.Mmap, [0x1000, 4096, Rw, MemoryProtection.Private, 3], true },
        { SystemCall.Mmap, [0, 4096, Rw, MemoryProtection.Private | MemoryProtection.Anonymous], false },

        // fstatat of a descriptor: AT_EMPTY_PATH.
        { SystemCall.Newfstatat, [3, 0, 0, 0x1000], true },
        { SystemCall.Newfstatat, [3, 0, 0, 0x100], false },
        { SystemCall.Read, [], false },
        { SystemCall.Open, [], false },
        { SystemCall.Ioctl, [3, 0x4008a400], false },
        { SystemCall.Getpid, [], false },
    };

    public static TheoryData<long, ulong[], bool> MaskCalls => new()
    {
        { SystemCall.RtSigprocmask, [0, 0x1000, 0, 8], true },
        { SystemCall.RtSigprocmask, [2, 0x7f00_0000_0000, 0, 8], true },
        { SystemCall.RtSigreturn, [], true },

        // It only asks.
        { SystemCall.RtSigprocmask, [0, 0, 0x1000, 8], false },
        { SystemCall.RtSigaction, [Signal.SIGILL], false },
        { SystemCall.Getpid, [], false },
    };

    [Theory]
    [MemberData(nameof(MaskCalls))]
    public void What_a_program_stops_for_whose_masks_are_followed(long number, ulong[] arguments, bool traced) =>
        Assert.Equal(Verdict(traced),
            BpfInterpreter.Run(SystemCallTable.FilterOf(FilterSet.SignalMasks), BpfInterpreter.Data(number, arguments: arguments)));

    [Theory]
    [MemberData(nameof(BaseCalls))]
    public void What_every_program_stops_for(long number, ulong[] arguments, bool traced) =>
        Assert.Equal(Verdict(traced), BpfInterpreter.Run(Base, BpfInterpreter.Data(number, arguments: arguments)));

    [Theory]
    [MemberData(nameof(DeviceUserCalls))]
    public void What_a_user_of_the_device_stops_for_besides(long number, ulong[] arguments, bool traced) =>
        Assert.Equal(Verdict(traced), BpfInterpreter.Run(DeviceUser, BpfInterpreter.Data(number, arguments: arguments)));

    [Fact]
    public void The_tracers_own_calls_pass_and_their_end_stops()
    {
        foreach (byte[] filter in (byte[][])[Base, DeviceUser])
        {
            foreach (TheoryData<long, ulong[], bool> table in (TheoryData<long, ulong[], bool>[])[BaseCalls, DeviceUserCalls])
            {
                foreach (object[] row in table)
                {
                    (long number, ulong[] arguments) = ((long)row[0], (ulong[])row[1]);
                    uint expected = Verdict(number == Gadget.EndOfBatch);
                    Assert.Equal(BpfProgram.Trace, BpfInterpreter.Run(filter, BpfInterpreter.Data(Gadget.EndOfBatch, Area.Gadget + 40)));
                    foreach (ulong at in (ulong[])[Area.Gadget, Area.Gadget + 40, Area.Gadget + 4095])
                    {
                        Assert.Equal(expected, BpfInterpreter.Run(filter, BpfInterpreter.Data(number, at, arguments: arguments)));
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData(Area.Gadget - 1)]
    [InlineData(Area.Gadget + 4096)]
    [InlineData(Area.Gadget & 0xffffffff)]
    [InlineData(Area.Gadget + (1UL << 32))]
    public void Only_the_gadgets_page_is_the_tracers(ulong at)
    {
        Assert.Equal(BpfProgram.Trace, BpfInterpreter.Run(Base, BpfInterpreter.Data(SystemCall.Open, at)));
        Assert.Equal(BpfProgram.Trace, BpfInterpreter.Run(DeviceUser, BpfInterpreter.Data(SystemCall.Munmap, at)));
        Assert.Equal(BpfProgram.Allow, BpfInterpreter.Run(Base, BpfInterpreter.Data(Gadget.EndOfBatch, at)));
        Assert.Equal(BpfProgram.Allow, BpfInterpreter.Run(DeviceUser, BpfInterpreter.Data(Gadget.EndOfBatch, at)));
    }

    [Fact]
    public void Another_architectures_numbers_mean_other_calls()
    {
        for (int number = 0; number < 500; number++)
        {
            Assert.Equal(BpfProgram.Allow, BpfInterpreter.Run(Base, BpfInterpreter.Data(number, architecture: I386, arguments: Here)));
            Assert.Equal(BpfProgram.Allow,
                BpfInterpreter.Run(DeviceUser, BpfInterpreter.Data(number, architecture: I386, arguments: Here)));
        }
    }

    [Fact]
    public void Every_call_from_inside_an_enclave_stops()
    {
        Gen<(ulong Start, ulong Size)> enclave =
            from bits in Gen.Choose(12, 46)
            from place in Gen.Choose(0, int.MaxValue)
            select ((((ulong)place << 16) & ~((1UL << bits) - 1)) & ((1UL << 47) - 1), 1UL << bits);
        Gen<((ulong Start, ulong Size) Enclave, ulong At)> inAndAround =
            from e in enclave
            from offset in Gen.Elements(0UL, 1UL, e.Size / 2, e.Size - 1, e.Size, e.Size + 1, ulong.MaxValue, 1UL << 32, 1UL << 46,
                ulong.MaxValue << 32)
            select (e, unchecked(e.Start + offset));
        Prop.ForAll(inAndAround.ToArbitrary(), sample =>
        {
            ((ulong start, ulong size), ulong at) = sample;
            bool inside = unchecked(at - start) < size && (at & ~4095UL) != Area.Gadget;
            return BpfInterpreter.Run(SyscallFilter.Elrange(start, size), BpfInterpreter.Data(SystemCall.Getpid, at)) == Verdict(inside);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void What_the_tracer_calls_in_a_range_of_all_user_space_passes()
    {
        byte[] filter = SyscallFilter.Elrange(0, 1UL << 56);
        Assert.Equal(BpfProgram.Allow, BpfInterpreter.Run(filter, BpfInterpreter.Data(SystemCall.Mmap, Area.Gadget + 2)));
        Assert.Equal(BpfProgram.Trace, BpfInterpreter.Run(filter, BpfInterpreter.Data(SystemCall.Mmap, Area.Gadget + 4096)));
        Assert.Equal(BpfProgram.Trace, BpfInterpreter.Run(filter, BpfInterpreter.Data(SystemCall.Mmap, 0x401000)));
    }

    private static uint Verdict(bool traced) => traced ? BpfProgram.Trace : BpfProgram.Allow;
}
