using System.Runtime.Versioning;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Linux.Tests;

[SupportedOSPlatform("linux")]
public class HostKernelTests
{
    [Fact]
    public void Fsgsbase_is_what_the_kernel_lets_programs_do()
    {
        // AT_HWCAP2 of getauxval(3) is the other way to ask.
        Assert.Equal((NativeMethods.Getauxval(26) & 2) != 0, HostKernel.HasFsgsbase);
    }

    [Fact]
    public void A_thread_belongs_to_its_process()
    {
        int thread = 0;
        var other = new Thread(() => thread = HostKernel.ThreadGroup(HostKernel.CurrentThread));
        other.Start();
        other.Join();
        Assert.Equal(Environment.ProcessId, thread);
        Assert.Equal(0, HostKernel.ThreadGroup(int.MaxValue));
    }

    [Fact]
    public void Current_thread_is_one_of_the_process() =>
        Assert.True(Directory.Exists($"/proc/self/task/{HostKernel.CurrentThread}"));

    [Fact]
    public void Status_field_is_the_line_without_its_name()
    {
        Assert.Equal(Environment.ProcessId.ToString(), HostKernel.StatusField(Environment.ProcessId, "Tgid:"));
        Assert.Null(HostKernel.StatusField(Environment.ProcessId, "NoSuchLine:"));
        Assert.Null(HostKernel.StatusField(int.MaxValue, "Tgid:"));
    }

    [Fact]
    public void Killing_what_is_gone_is_an_answer()
    {
        Assert.Equal(Errno.ESRCH, HostKernel.Kill(int.MaxValue, 0));
        Assert.Equal(Errno.None, HostKernel.Kill(Environment.ProcessId, 0));
        Assert.Equal(Errno.ESRCH, HostKernel.KillThread(Environment.ProcessId, int.MaxValue, 0));
        Assert.Equal(Errno.None, HostKernel.KillThread(Environment.ProcessId, HostKernel.CurrentThread, 0));
    }

    [Fact]
    public void A_pending_signal_is_seen_unless_it_is_blocked_or_ignored()
    {
        // A stopped process keeps what is sent to it; the shell that waits has an empty mask.
        using StartingProgram shell = StoppedProcess.Start();
        int child = shell.Id;
        _ = HostKernel.Kill(child, Signal.SIGWINCH);
        bool before = HostKernel.SignalPending(child);
        _ = HostKernel.Kill(child, Signal.SIGUSR1);
        bool after = HostKernel.SignalPending(child);
        shell.End();
        Assert.Equal((false, true), (before, after));
        Assert.False(HostKernel.SignalPending(int.MaxValue));
    }

    [Fact]
    public void Stat_follows_links_and_tells_the_mode()
    {
        string directory = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string file = Path.Combine(directory, "file"), link = Path.Combine(directory, "link");
            File.WriteAllText(file, "");
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            File.CreateSymbolicLink(link, file);
            Assert.True(HostKernel.TryStat(file, out ulong device, out ulong inode, out uint mode));
            Assert.True(HostKernel.TryStat(link, out ulong linkDevice, out ulong linkInode, out _));
            Assert.Equal((device, inode), (linkDevice, linkInode));
            Assert.Equal(0x8000u | 0x180u, mode); // S_IFREG, rw-------
            Assert.True(HostKernel.TryStat(directory, out _, out ulong otherInode, out uint directoryMode));
            Assert.NotEqual(inode, otherInode);
            Assert.Equal(0x4000u, directoryMode & 0xf000);
            Assert.False(HostKernel.TryStat(Path.Combine(directory, "none"), out _, out _, out _));
        }
        finally
        {
            Directory.Delete(directory, true);
        }
    }

    [Fact]
    public void A_descriptor_is_its_file()
    {
        using MappedFile file = MappedFile.Create("file", 4096);
        Assert.True(HostKernel.TryStat(file.Descriptor, out ulong device, out ulong inode));
        Assert.True(HostKernel.TryStat($"/proc/self/fd/{file.Descriptor}", out ulong pathDevice, out ulong pathInode, out _));
        Assert.Equal((pathDevice, pathInode), (device, inode));
        Assert.False(HostKernel.TryStat(-1, out _, out _));
    }

    [Fact]
    public void Open_tells_an_errno()
    {
        Assert.Equal(-(int)Errno.ENOENT, HostKernel.Open("/no/such/file"));
        Assert.Equal(-(int)Errno.EISDIR, HostKernel.Open("/"));
        int descriptor = HostKernel.Open("/dev/null");
        Assert.True(descriptor >= 0);
        HostKernel.Close(descriptor);
    }

    [Fact]
    public void A_descriptor_taken_is_the_same_file()
    {
        using MappedFile file = MappedFile.Create("taken", 4096);
        int taken = ForeignDescriptor.Take(Environment.ProcessId, file.Descriptor, out bool isSameFile);
        Assert.True(taken >= 0, $"{(Errno)(-taken)}");
        Assert.Equal(ForeignDescriptor.Copy(Environment.ProcessId, file.Descriptor) >= 0, isSameFile);
        Assert.NotEqual(file.Descriptor, taken);
        _ = HostKernel.TryStat(file.Descriptor, out ulong device, out ulong inode);
        _ = HostKernel.TryStat(taken, out ulong takenDevice, out ulong takenInode);
        HostKernel.Close(taken);
        Assert.Equal((device, inode), (takenDevice, takenInode));
        Assert.Equal(-(int)Errno.EBADF, ForeignDescriptor.Take(Environment.ProcessId, 1 << 20, out _));
        Assert.True(ForeignDescriptor.Take(int.MaxValue, 0, out _) < 0);
    }

    [Fact]
    public void Write_at_writes_there()
    {
        using MappedFile file = MappedFile.Create("write", 4096);
        Assert.Equal(Errno.None, HostKernel.WriteAt(file.Descriptor, [1, 2], 100));
        Assert.Equal([0, 1, 2, 0], file.Slice(99, 4).ToArray());
        Assert.Equal(Errno.EBADF, HostKernel.WriteAt(-1, [1], 0));
    }

    [Fact]
    public void Memory_is_shared_with_itself_and_not_with_a_child()
    {
        using StartingProgram shell = StoppedProcess.Start();
        int child = shell.Id;
        bool? own = HostKernel.SharesMemory(Environment.ProcessId, Environment.ProcessId);
        bool? other = HostKernel.SharesMemory(Environment.ProcessId, child);
        shell.End();

        // Null where the kernel has no kcmp, or forbids it.
        Assert.True(own is true or null);
        Assert.True(other is false or null);
    }

    [Fact]
    public void Affinity_is_the_threads_own()
    {
        ulong[]? set = null;
        Errno error = Errno.None;
        ulong[] before = HostKernel.GetAffinity(0);
        ulong[] one = new ulong[16];
        int word = Array.FindIndex(before, w => w != 0);
        one[word] = before[word] & (~before[word] + 1);
        var other = new Thread(() =>
        {
            error = HostKernel.SetAffinity(0, one);
            set = HostKernel.GetAffinity(0);
        });
        other.Start();
        other.Join();
        Assert.Equal(Errno.None, error);
        Assert.Equal(one, set);
        Assert.Equal(before, HostKernel.GetAffinity(0));
        Assert.Equal(Errno.EINVAL, HostKernel.SetAffinity(0, new ulong[16]));
    }

    [Fact]
    public void A_time_slice_is_the_threads_own_and_changes_nothing_else()
    {
        Errno error = Errno.EIO;
        string? before = null, after = null;
        var other = new Thread(() =>
        {
            before = Fields();
            error = TimeSlice.Set(TimeSlice.Shortest);
            after = Fields();
        });
        other.Start();
        other.Join();
        Assert.Equal(Errno.None, error);
        Assert.Equal(before, after);

        // proc_pid_stat(5): priority, nice, num_threads, itrealvalue, ..., policy is the 41st field.
        static string Fields()
        {
            string[] fields = File.ReadAllText($"/proc/self/task/{HostKernel.CurrentThread}/stat")
                .Split(')')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return $"{fields[15]} {fields[16]} {fields[38]}";
        }
    }

    [Fact]
    public void Read_implies_execute_is_a_personality()
    {
        // Execution of a 64-bit program clears it, so it is set here, on a thread that ends: each has its own. personality(2).
        const long personality = 135, readImpliesExec = 0x0400000;
        bool before = true, after = false;
        var other = new Thread(() =>
        {
            before = (HostKernel.Personality(HostKernel.CurrentThread) & readImpliesExec) != 0;
            _ = NativeMethods.SystemCall(personality, readImpliesExec, 0, 0, 0, 0, 0);
            after = (HostKernel.Personality(HostKernel.CurrentThread) & readImpliesExec) != 0;
        });
        other.Start();
        other.Join();
        Assert.Equal((false, true), (before, after));
        Assert.Null(HostKernel.Personality(int.MaxValue));
    }

    [Fact]
    public void What_is_no_terminal_has_no_columns()
    {
        using FileStream file = File.OpenRead("/dev/null");
        Assert.Equal((0, 0), (HostKernel.TerminalColumns((int)file.SafeFileHandle.DangerousGetHandle()), HostKernel.TerminalColumns(-1)));
    }
}
