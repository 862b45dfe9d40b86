using System.Globalization;
using Cloister.Driver;
using Cloister.Engine;

namespace Cloister.Cli;

/// <summary>What the machine did, a line each: <c>name: value</c>.</summary>
internal static class Statistics
{
    public static void Print(Tracer tracer, TextWriter writer)
    {
        DriverStatistics d = tracer.Driver.Statistics;
        void Line(string name, long value) => writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {value}"));
        Line("epc pages total", d.EpcPagesTotal);
        Line("epc pages free", d.EpcPagesFree);
        Line("pages added", d.Adds);
        Line("pages augmented", d.Augments);
        Line("pages removed", d.Removals);
        Line("pages evicted", d.Evictions);
        Line("pages loaded", d.Loads);
        Line("page faults", d.Faults);
        Line("ioctls", d.Ioctls);
        Line("forced exits", d.ForcedExits);
        Line("stops for system calls", tracer.Stops.SystemCalls);
        Line("stops for signals", tracer.Stops.Signals);
        Line("stops for other events", tracer.Stops.Others);
    }
}
