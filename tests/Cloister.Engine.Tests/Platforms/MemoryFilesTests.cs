using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.Platforms;

/// <summary><see cref="MemoryFiles"/> and <see cref="ProgramDescriptor"/>.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class MemoryFilesTests : IDisposable
{
    private readonly TestEngine _engine = new();
    private readonly List<int> _open = [];

    public void Dispose()
    {
        _open.ForEach(HostKernel.Close);
        _engine.Dispose();
    }

    private int Make(string name, bool closeOnExec = false)
    {
        int descriptor = (int)MemoryFiles.Make(_engine.Thread, name, closeOnExec);
        Assert.True(descriptor >= 0);
        _open.Add(descriptor);
        return descriptor;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_is_named_and_goes_at_exec_where_it_shall(bool closeOnExec)
    {
        const long getFlags = 1, closes = 1;
        int descriptor = Make("purpose", closeOnExec);

        Assert.StartsWith("/memfd:cloister:purpose", new FileInfo($"/proc/self/fd/{descriptor}").LinkTarget);
        Assert.Equal(closeOnExec ? closes : 0, TestKernel.Make(SystemCall.Fcntl, [(ulong)descriptor, getFlags]));
    }

    [Fact]
    public void A_copy_is_of_the_same_file()
    {
        int descriptor = Make("purpose"), taken = MemoryFiles.Take(_engine.Thread, descriptor);
        _open.Add(taken);

        Assert.True(taken >= 0 && taken != descriptor);
        Assert.Equal(Identity(descriptor), Identity(taken));
    }

    [Fact]
    public void What_is_not_new_is_not_what_was_made()
    {
        int descriptor = Make("purpose");
        using MappedFile other = MappedFile.Create("cloister:other", 4096);
        Assert.Equal(Errno.None, HostKernel.WriteAt(descriptor, [1], 0));

        int before = Descriptors();
        Assert.Equal(-(int)Errno.EBADF, MemoryFiles.Take(_engine.Thread, descriptor));
        Assert.Equal(-(int)Errno.EBADF, MemoryFiles.TakeNode(_engine.Thread, other.Descriptor));
        Assert.Equal(-(int)Errno.EBADF, MemoryFiles.Take(_engine.Thread, 1 << 20));
        Assert.Equal(before, Descriptors());
    }

    [Theory]
    [InlineData(Errno.EMFILE, false)]
    [InlineData(Errno.EBADF, true)]
    public void What_could_not_be_copied_is_taken_away_unless_its_number_means_something_else(Errno error, bool stays)
    {
        int descriptor = Make("purpose");
        MemoryFiles.GiveBack(_engine.Thread, descriptor, error);
        Assert.Equal(stays,
            new FileInfo($"/proc/self/fd/{descriptor}").LinkTarget?.StartsWith("/memfd:cloister:purpose", StringComparison.Ordinal)
            ?? false);
        if (!stays)
        {
            _ = _open.Remove(descriptor);
        }

        MemoryFiles.GiveBack(_engine.Thread, -(long)Errno.ENOMEM, Errno.ENOMEM);
    }

    [Fact]
    public void A_nodes_open_file_is_held_by_the_program_alone_and_has_nothing_to_read()
    {
        int descriptor = Make("node"), taken = MemoryFiles.TakeNode(_engine.Thread, descriptor);
        _open.Add(taken);
        Assert.Equal(Identity(descriptor), Identity(taken));
        Assert.True(OpenFileHold.IsTaken(taken));
        Assert.Equal(long.MaxValue, TestKernel.Make(SystemCall.Lseek, [(ulong)descriptor, 0, 1]));
        Assert.Equal(0, TestKernel.Make(SystemCall.Lseek, [(ulong)taken, 0, 1]));

        HostKernel.Close(descriptor);
        _ = _open.Remove(descriptor);
        Assert.False(OpenFileHold.IsTaken(taken));
    }

    [Fact]
    public void What_would_be_nobodys_is_given_up_when_a_thread_ends_and_only_then()
    {
        int givenUp = 0;

        Assert.Equal(5, MemoryFiles.Keep(() => givenUp++, () => 5));
        Assert.Throws<InvalidOperationException>(() => MemoryFiles.Keep<int>(() => givenUp++, () => throw new InvalidOperationException()));
        Assert.Equal(0, givenUp);
        Assert.Equal(7,
            Assert.Throws<ThreadEndedException>(
                () => MemoryFiles.Keep<int>(() => givenUp++, () => throw new ThreadEndedException(7))).Thread);
        Assert.Equal(1, givenUp);
    }

    [Fact]
    public void A_descriptor_of_a_thread_is_copied_or_its_error_told()
    {
        int descriptor = Make("purpose"), taken = ProgramDescriptor.Take(_engine.Thread, descriptor, out bool isSameFile);
        _open.Add(taken);

        Assert.Equal(Identity(descriptor), Identity(taken));
        Assert.Equal(Errno.None, OpenFileHold.Take(taken));
        Assert.Equal(!isSameFile, OpenFileHold.IsTaken(descriptor));
        Assert.Equal(-(int)Errno.EBADF, ProgramDescriptor.Take(_engine.Thread, 1 << 20, out _));
    }

    [Fact]
    public void A_full_table_gets_room_for_a_moment()
    {
        const int soft = 20, hard = 1000;
        using StartingProgram program = StoppedProcess.Start();
        Assert.True(new ResourceLimit(ResourceLimit.OpenFiles, soft, hard).Apply(program.Id));
        var seen = new List<ulong>();
        TestThread thread = Thread(program.Id, () =>
        {
            seen.Add(ResourceLimit.Of(program.Id, ResourceLimit.OpenFiles)!.Value.Soft);
            return seen.Count == 1 ? -(long)Errno.EMFILE : soft;
        });

        Assert.Equal(soft, ProgramDescriptor.Make(thread, new RemoteCalls().Add(SystemCall.Userfaultfd)));
        Assert.True(seen is [soft, > soft and <= hard]);
        Assert.Equal(new ResourceLimit(ResourceLimit.OpenFiles, soft, hard), ResourceLimit.Of(program.Id, ResourceLimit.OpenFiles));
        program.End();
    }

    [Fact]
    public void Other_errors_are_told_at_once()
    {
        int calls = 0;
        TestThread thread = Thread(Environment.ProcessId, () =>
        {
            calls++;
            return -(long)Errno.EPERM;
        });

        Assert.Equal(-(long)Errno.EPERM, ProgramDescriptor.Make(thread, new RemoteCalls().Add(SystemCall.Userfaultfd)));
        Assert.Equal(1, calls);
    }

    private TestThread Thread(int id, Func<long> result) => new(id, _engine.Thread.Process) { OnCall = _ => result() };

    private static (ulong, ulong) Identity(int descriptor)
    {
        Assert.True(HostKernel.TryStat(descriptor, out ulong device, out ulong inode));
        return (device, inode);
    }

    private static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;
}
