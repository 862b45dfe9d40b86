namespace Cloister.Engine.Tests;

public sealed class WrittenMemoryTests : IDisposable
{
    private const long Gibibyte = 1 << 30;
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void HolesOfAFileAreLeftOut()
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
    public void LittleIsTakenWhole() => Assert.Equal([(4096UL, 8192UL)], WrittenMemory.WithinFile(_path, 4096, 8192));

    [Fact]
    public void ADeviceHasNothing() => Assert.Empty(WrittenMemory.WithinFile("/dev/zero", 0, 8 * Gibibyte));

    [Fact]
    public void WhatCannotBeOpenedMayHaveAnything() =>
        Assert.Equal([(0UL, (ulong)Gibibyte)], WrittenMemory.WithinFile("/nowhere/at/all", 0, Gibibyte));
}
