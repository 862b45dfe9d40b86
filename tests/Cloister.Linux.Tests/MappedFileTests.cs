using Cloister.Linux.Tests.Harness;

namespace Cloister.Linux.Tests;

public class MappedFileTests
{
    private const int Page = 4096;

    [Fact]
    public void Begins_as_zeros()
    {
        using MappedFile file = MappedFile.Create("zeros", 3 * Page);
        Assert.Equal((0L, 3L * Page), (file.Start, file.Length));
        Assert.False(file.Slice(0, 3 * Page).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void Slice_is_bounded_by_what_is_mapped()
    {
        using MappedFile file = MappedFile.Create("bounds", 4 * Page);
        Assert.Equal(Page, file.Slice(3 * Page, Page).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(3 * Page + 1, Page).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(4 * Page, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(-1, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(long.MaxValue, 1).Length);
        file.Window(Page, 2 * Page);
        Assert.Equal(2 * Page, file.Slice(Page, 2 * Page).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(0, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(3 * Page, 1).Length);
        file.Window(0, 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(0, 1).Length);
    }

    [Fact]
    public void A_window_shows_the_same_file()
    {
        using MappedFile file = MappedFile.Create("window", 4 * Page);
        file.Slice(2 * Page + 5, 1)[0] = 42;
        file.Window(2 * Page, Page);
        Assert.Equal((2L * Page, (long)Page), (file.Start, file.Length));
        Assert.Equal(42, file.Slice(2 * Page + 5, 1)[0]);
    }

    [Fact]
    public void Two_mappings_of_one_file_share_bytes()
    {
        using MappedFile one = MappedFile.Create("shared", 2 * Page);
        using MappedFile other = MappedFile.Map((int)NativeMethods.SystemCall(32, one.Descriptor, 0, 0, 0, 0, 0), Page, Page);
        one.Slice(Page + 7, 1)[0] = 7;
        Assert.Equal(7, other.Slice(Page + 7, 1)[0]);
    }

    [Fact]
    public void Punched_bytes_are_zero_and_their_neighbours_stay()
    {
        using MappedFile file = MappedFile.Create("punch", 3 * Page);
        file.Slice(0, 3 * Page).Fill(1);
        file.Punch(Page, Page);
        Assert.False(file.Slice(Page, Page).ContainsAnyExcept((byte)0));
        Assert.Equal((1, 1), (file.Slice(Page - 1, 1)[0], file.Slice(2 * Page, 1)[0]));
        Assert.Equal(3 * Page, LengthOf(file));
    }

    [Fact]
    public void Punching_gives_the_memory_back()
    {
        using MappedFile file = MappedFile.Create("back", 64 * Page);
        file.Slice(0, 64 * Page).Fill(1);
        long before = BlocksOf(file);
        file.Punch(0, 64 * Page);
        Assert.Equal(64 * Page / 512, before);
        Assert.Equal(0, BlocksOf(file));
    }

    [Fact]
    public void Allocating_takes_memory_before_it_is_touched_and_keeps_what_is_there()
    {
        using MappedFile file = MappedFile.Create("allocate", 8 * Page);
        file.Slice(3 * Page, Page).Fill(4);
        Assert.Equal(Errno.None, file.Allocate(2 * Page, 3 * Page));
        Assert.Equal(3 * Page / 512, BlocksOf(file));
        Assert.Equal((0, 4, 0), (file.Slice(2 * Page, 1)[0], file.Slice(3 * Page, 1)[0], file.Slice(4 * Page, 1)[0]));
        Assert.Equal(8 * Page, LengthOf(file));
    }

    [Fact]
    public void What_is_written_is_mapped_and_what_is_mapped_is_read()
    {
        using MappedFile file = MappedFile.Create("write", 4 * Page);
        byte[] bytes = new byte[2 * Page], read = new byte[2 * Page];
        new Random(1).NextBytes(bytes);
        Assert.Equal(Errno.None, file.Write(Page, bytes));
        Assert.Equal(bytes, file.Slice(Page, 2 * Page));
        file.Slice(Page, 1)[0]++;
        Assert.Equal(Errno.None, file.Read(Page, read));
        Assert.Equal((byte)(bytes[0] + 1), read[0]);
        Assert.Equal(bytes[1..], read[1..]);
        Assert.Equal(Errno.None, file.Read(0, read.AsSpan(0, Page)));
        Assert.DoesNotContain(read[..Page], value => value != 0);
    }

    [Fact]
    public void Reading_past_the_end_is_an_error()
    {
        using MappedFile file = MappedFile.Create("end", Page);
        Assert.Equal(Errno.EIO, file.Read(0, new byte[2 * Page]));
    }

    [Fact]
    public void A_sealed_file_keeps_its_length()
    {
        int descriptor = Memfd(sealable: true);
        using MappedFile file = MappedFile.Map(descriptor, 0, 0);
        Assert.Equal(Errno.None, MappedFile.Seal(descriptor, 2 * Page));
        file.Window(0, 2 * Page);
        file.Slice(0, 2 * Page).Fill(3);
        const long truncate = 77;
        foreach (long length in (long[])[0, Page, 3 * Page])
        {
            Assert.Equal(-1, NativeMethods.SystemCall(truncate, descriptor, length, 0, 0, 0, 0));
            Assert.Equal(Errno.EPERM, NativeMethods.LastError);
        }

        // Nor can the seals be taken for more: F_SEAL_SEAL.
        const long addSeals = 1033, sealWrite = 8;
        Assert.Equal(-1, NativeMethods.SystemCall(SystemCall.Fcntl, descriptor, addSeals, sealWrite, 0, 0, 0));
        Assert.Equal(3, file.Slice(2 * Page - 1, 1)[0]);
    }

    [Fact]
    public void Sealing_a_file_that_forbids_it_fails() =>
        Assert.Equal(Errno.EPERM, Sealed(Memfd(sealable: false)));

    [Fact]
    public void The_last_owner_closes_it()
    {
        MappedFile file = MappedFile.Create("owners", Page);
        int descriptor = file.Descriptor;
        Assert.True(HostKernel.TryStat(descriptor, out ulong device, out ulong inode));
        file.Share();
        file.Dispose();
        file.Slice(0, 1)[0] = 1;
        Assert.True(HostKernel.TryStat(descriptor, out _, out _));
        file.Dispose();

        // The number may be another file's by now, of another test.
        Assert.False(HostKernel.TryStat(descriptor, out ulong nowDevice, out ulong nowInode) && (device, inode) == (nowDevice, nowInode));
        Assert.Equal(0, file.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice(0, 1).Length);
    }

    [Fact]
    public void A_file_that_cannot_be_mapped_throws()
    {
        using MappedFile file = MappedFile.Create("unmappable", Page);
        var thrown = Assert.Throws<LinuxException>(() => file.Window(1, Page));
        Assert.Equal(("mmap", Errno.EINVAL), (thrown.Call, thrown.Errno));
    }

    private static int Memfd(bool sealable)
    {
        using MappedFile name = MappedFile.Create("name", Page);
        Span<byte> text = name.Slice(0, 4);
        "seal"u8.CopyTo(text);
        int descriptor =
            (int)NativeMethods.SystemCall(SystemCall.MemfdCreate, (long)OwnMemory.AddressOf(text), sealable ? 3 : 1, 0, 0, 0, 0);
        Assert.True(descriptor >= 0);
        return descriptor;
    }

    private static Errno Sealed(int descriptor)
    {
        using MappedFile file = MappedFile.Map(descriptor, 0, 0);
        return MappedFile.Seal(descriptor, Page);
    }

    private static long LengthOf(MappedFile file) => Stat(file, 48);

    private static long BlocksOf(MappedFile file) => Stat(file, 64);

    // struct stat of x86-64: st_size 48, st_blocks 64 (of 512 bytes). Source: uapi asm/stat.h.
    private static long Stat(MappedFile file, int offset)
    {
        using MappedFile buffer = MappedFile.Create("stat", Page);
        Span<byte> bytes = buffer.Slice(0, 144);
        Assert.Equal(0, NativeMethods.SystemCall(SystemCall.Fstat, file.Descriptor, (long)OwnMemory.AddressOf(bytes), 0, 0, 0, 0));
        return BitConverter.ToInt64(bytes[offset..]);
    }
}
