using System.Globalization;
using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Benchmarks;

/// <summary>What the model keeps of each EPC page, beside its 4096 bytes.</summary>
internal static class ModelMemory
{
    private const int Pages = 1 << 20;

    /// <summary>Measures a machine of 1 Mi pages, all of them valid pages of one enclave.</summary>
    public static void Print(TextWriter writer)
    {
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var machine = new SgxMachine(new MachineOptions(), new SharedPages(Pages));
        long empty = GC.GetTotalMemory(forceFullCollection: true);
        var enclave = new ModelEnclave(machine, (ulong)Pages * LinearAddress.PageSize);
        for (int page = 1; page < Pages; page++)
        {
            enclave.Add(new EpcPage(page), (ulong)page * LinearAddress.PageSize);
        }

        long full = GC.GetTotalMemory(forceFullCollection: true);
        GC.KeepAlive(machine);
        Line(writer, "model, nothing added", empty - before);
        Line(writer, "model, all pages added", full - before);
    }

    private static void Line(TextWriter writer, string what, long bytes) => writer.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"{what}: {(double)bytes / Pages:F1} bytes for each of {Pages} EPC pages"));
}
