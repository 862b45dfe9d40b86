namespace Cloister.Linux.Tests;

public class ProcPathTests
{
    [Fact]
    public void AFileOfAProcess() => Assert.Equal("/proc/1234567/root/a", ProcPath.Of(1234567, "root/a"));

    [Fact]
    public void ADescriptorOfAProcess() => Assert.Equal("/proc/12/fd/0", ProcPath.OfDescriptor(12, 0));
}
