using Cloister.Linux;

namespace Cloister.Linux.Tests.Harness;

/// <summary>A process that does nothing: what /proc tells of it does not change.</summary>
internal static class StoppedShell
{
    public static StartingShell Start()
    {
        var shell = StartingShell.Start();
        shell.StopItself();
        while (HostKernel.StatusField(shell.Id, "State:")?.StartsWith('T') != true)
        {
            Thread.Sleep(1);
        }

        return shell;
    }
}
