namespace Cloister.Linux.Tests;

public sealed class ForeignDescriptorTests
{
    [Fact]
    public void A_copy_is_the_same_open_file()
    {
        using MappedFile file = MappedFile.Create("cloister-test", 4096);
        int taken = ForeignDescriptor.Take(Environment.ProcessId, file.Descriptor, out bool isSame);
        Assert.True(taken >= 0);
        Assert.Equal(Errno.None, ForeignDescriptor.TryIdentify(Environment.ProcessId, taken, out (ulong, ulong) copy));
        Assert.Equal(Errno.None, ForeignDescriptor.TryIdentify(Environment.ProcessId, file.Descriptor, out (ulong, ulong) original));
        Assert.Equal(original, copy);

        // The hold of the one is the hold of the other where it is the same open file.
        Assert.Equal(Errno.None, OpenFileHold.Take(taken));
        Assert.Equal(!isSame, OpenFileHold.IsTaken(file.Descriptor));
        HostKernel.Close(taken);
    }

    [Fact]
    public void A_number_that_is_closed_is_EBADF()
    {
        Assert.Equal(-(int)Errno.EBADF, ForeignDescriptor.Take(Environment.ProcessId, 100_000, out _));
        Assert.NotEqual(Errno.None, ForeignDescriptor.TryIdentify(Environment.ProcessId, 100_000, out _));
        Assert.True(ForeignDescriptor.Take(int.MaxValue, 0, out _) < 0);
    }

    [Fact]
    public void A_hold_ends_with_the_last_reference()
    {
        using MappedFile file = MappedFile.Create("cloister-test", 4096);
        int again = HostKernel.OpenAgain(file.Descriptor);
        Assert.False(OpenFileHold.IsTaken(file.Descriptor));
        Assert.Equal(Errno.None, OpenFileHold.Take(again));
        Assert.True(OpenFileHold.IsTaken(file.Descriptor));
        MappedFile mapping = MappedFile.Map(again, 0, 4096);
        mapping.Dispose();
        Assert.False(OpenFileHold.IsTaken(file.Descriptor));
    }

    [Fact]
    public void Only_a_new_memory_file_of_that_name_is_new()
    {
        using MappedFile sized = MappedFile.Create("cloister:test", 4096);
        Assert.False(MappedFile.IsNew(sized.Descriptor));
        using MappedFile other = MappedFile.Create("something-else", 0);
        Assert.False(MappedFile.IsNew(other.Descriptor));
        using FileStream ordinary = File.Create(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), 1, FileOptions.DeleteOnClose);
        Assert.False(MappedFile.IsNew((int)ordinary.SafeFileHandle.DangerousGetHandle()));
    }

    [Fact]
    public void The_first_descriptors_leave_the_reserve_alone()
    {
        Assert.True(DescriptorReserve.Allows(3));
        Assert.False(DescriptorReserve.Allows(int.MaxValue));
    }
}
