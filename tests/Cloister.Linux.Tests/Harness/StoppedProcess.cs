namespace Cloister.Linux.Tests.Harness;

/// <summary>A process that does nothing: what /proc tells of it does not change.</summary>
internal static class StoppedProcess
{
    public static StartingProgram Start(bool fromMemory = true)
    {
        var process = StartingProgram.Start(fromMemory);
        process.StopItself();
        while (HostKernel.StatusField(process.Id, "State:")?.StartsWith('T') != true)
        {
            Thread.Sleep(1);
        }

        return process;
    }
}
