namespace Cloister.Linux.Tests;

public class ProcPathTests
{
    [Fact]
    public void A_file_of_a_process() => Assert.Equal("/proc/1234567/root/a", ProcPath.Of(1234567, "root/a"));

    [Fact]
    public void A_descriptor_of_a_process() => Assert.Equal("/proc/12/fd/0", ProcPath.OfDescriptor(12, 0));
}
