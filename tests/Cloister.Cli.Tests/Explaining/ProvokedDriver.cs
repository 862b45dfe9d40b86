using Cloister.Architecture;
using Cloister.Cli.Explaining;
using Cloister.Driver;
using Cloister.Driver.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Cli.Tests.Explaining;

/// <summary>The driver on its machine, and what is explained of the ioctls that fail.</summary>
internal static class ProvokedDriver
{
    private static readonly LinearAddress s_guest = new(0x5000_0000_0000);

    /// <summary>What is said when something is done with a machine that finds enclaves by their files.</summary>
    public static IReadOnlyList<string> Explained(Action<TestMachine> act, Generation generation = Generation.V6_0, int epcPages = 256,
        bool sgx2 = true, params InjectedFailure[] injected)
    {
        var machine = new TestMachine(epcPages, new MachineOptions { Sgx2 = sgx2 },
            new DriverOptions { Generation = generation, Injected = injected });
        return Explained(machine, () => act(machine));
    }

    /// <summary>What is said when something is done with a machine that finds enclaves by addresses.</summary>
    public static IReadOnlyList<string> ExplainedByAddress(Action<LegacyMachine> act, Generation generation, int epcPages = 256,
        bool sgx2 = true)
    {
        var machine = new LegacyMachine(generation, epcPages, sgx2);
        return Explained(machine.Machine, () => act(machine));
    }

    /// <summary>A virtual EPC takes as many pages as it gets: what is left free can be evicted, or is not there.</summary>
    public static VirtualEpc Fill(TestMachine machine)
    {
        VirtualEpc guest = machine.Driver.OpenVirtualEpc(new TestStorage());
        machine.Program.Map(guest, s_guest, 4096UL * 4096);
        for (ulong offset = 0; machine.Program.Fault(s_guest + offset, AccessKind.Write) == VmFault.NoPage;)
        {
            offset += LinearAddress.PageSize;
        }

        return guest;
    }

    private static List<string> Explained(TestMachine machine, Action act)
    {
        List<string> lines = [];
        using var explainer = new Explainer(machine.Machine, machine.Driver, lines.Add);
        machine.Driver.Observer = explainer;
        explainer.Working(new ProvokingThread(new LogicalProcessor(), machine.Program));
        act();
        return lines;
    }
}
