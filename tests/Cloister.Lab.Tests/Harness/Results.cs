namespace Cloister.Lab.Tests.Harness;

/// <summary>Results made up for tests of reports.</summary>
internal static class Results
{
    public static ExperimentResult Of(AllocationWay way, AllocationPattern pattern, int used = 10, long taken = 10, long aex = 0,
        long exits = 0, long adds = 0, TimeSpan? time = null)
    {
        var build = new EventCounts { [MachineEvent.Eadd] = adds };
        var use = new EventCounts { [MachineEvent.AexPageFault] = aex, [MachineEvent.Eexit] = exits };
        return new ExperimentResult(way, pattern, used, taken, new EnclaveEvents(build, use), time, time);
    }
}
