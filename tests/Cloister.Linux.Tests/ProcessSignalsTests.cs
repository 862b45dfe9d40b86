using System.Globalization;

namespace Cloister.Linux.Tests;

public class ProcessSignalsTests
{
    // /proc/PID/status has the same sets, in hexadecimal.
    [Fact]
    public void They_are_those_of_the_status()
    {
        using var signals = new ProcessSignals(Environment.ProcessId);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(signals.TryRead(out uint ignored, out uint caught));
            Assert.Equal((Field("SigIgn:"), Field("SigCgt:")), (ignored, caught));
            Assert.NotEqual(0u, caught);
        }
    }

    [Fact]
    public void Where_there_is_no_process_there_is_nothing()
    {
        using var signals = new ProcessSignals(int.MaxValue);
        Assert.False(signals.TryRead(out _, out _));
    }

    private static uint Field(string name) =>
        (uint)ulong.Parse(HostKernel.StatusField(Environment.ProcessId, name)!, NumberStyles.HexNumber,
            CultureInfo.InvariantCulture) & 0x7fffffff;
}
