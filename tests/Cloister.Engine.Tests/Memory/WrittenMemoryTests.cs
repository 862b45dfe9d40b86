using Cloister.Engine.Memory;

namespace Cloister.Engine.Tests.Memory;

public sealed class WrittenMemoryTests : IDisposable
{
    private const long Gibibyte = 1 << 30;
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Holes_of_a_file_are_left_out()
    {
        using (FileStream file = File.OpenWrite(_path))
        {
            file.SetLength(8 * Gibibyte);
            file.Position = 3 * Gibibyte + 100;
            file.WriteByte(1);
        }

        (ulong Start, ulong End)[] parts = [.. WrittenMemory.WithinFile(_path, 0, 8 * Gibibyte)];
        Assert.Contains(parts, part => part.Start <= 3 * Gibibyte + 100 && part.End > 3 * Gibibyte + 100);
        Assert.True(parts.Sum(part => (long)(part.End - part.Start)) < Gibibyte / 4);
        Assert.Empty(WrittenMemory.WithinFile(_path, 4 * Gibibyte, 8 * Gibibyte));
    }

    [Fact]
    public void Little_is_taken_whole() => Assert.Equal([(4096UL, 8192UL)], WrittenMemory.WithinFile(_path, 4096, 8192));

    [Fact]
    public void A_device_has_nothing() => Assert.Empty(WrittenMemory.WithinFile("/dev/zero", 0, 8 * Gibibyte));

    [Fact]
    public void What_cannot_be_opened_may_have_anything() =>
        Assert.Equal([(0UL, (ulong)Gibibyte)], WrittenMemory.WithinFile("/nowhere/at/all", 0, Gibibyte));
}
