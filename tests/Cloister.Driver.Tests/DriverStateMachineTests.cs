using Cloister.Architecture;
using Cloister.Driver.Reclaim;
using Cloister.Driver.Tests.Harness;
using Cloister.Processor;
using FsCheck;
using FsCheck.Fluent;

namespace Cloister.Driver.Tests;

/// <summary>
/// Random programs against a machine with too little EPC for them: no page is lost or leaked, contents survive
/// eviction, every errno is the one the state of the page calls for, and at the end everything is free.
/// </summary>
public class DriverStateMachineTests
{
    private static readonly EnclaveImage[] Images =
    [
        new() { HeapPages = 30 },
        new() { HeapPages = 6, Base = 0x6000_0000_0000, Size = 256 * EnclaveImage.Page },
        new() { HeapPages = 30, Base = 0x2000_0000_0000 },
    ];

    private static readonly LinearAddress GuestStart = new(0x5000_0000_0000);

    private enum Action
    {
        Build,
        Write,
        Read,
        Accept,
        Relax,
        Restrict,
        Trim,
        Remove,
        AbandonTrim,
        TouchFromOutside,
        Fork,
        EndChildren,
        Exit,
        Release,
        Ksgxd,
        Reclaim,
        GuestFault,
        GuestRelease,
        LosePower,
    }

    [Theory]
    [InlineData(40, 400)]
    [InlineData(70, 300)]
    [InlineData(200, 100)]
    public void Nothing_is_lost_or_leaked(int epcPages, int tests)
    {
        var action = Gen.Frequency<Action>(
            (3, Gen.Constant(Action.Build)),
            (12, Gen.Constant(Action.Write)),
            (12, Gen.Constant(Action.Read)),
            (10, Gen.Constant(Action.Accept)),
            (8, Gen.Elements(Action.Trim, Action.Remove, Action.Restrict, Action.AbandonTrim)),
            (5, Gen.Elements(Action.Relax, Action.TouchFromOutside, Action.Exit)),
            (3, Gen.Elements(Action.Ksgxd, Action.Reclaim, Action.GuestFault)),
            (1, Gen.Elements(Action.Fork, Action.EndChildren, Action.Release, Action.GuestRelease, Action.LosePower)));
        var step =
            from kind in action
            from which in Gen.Choose(0, Images.Length - 1)
            from page in Gen.Choose(EnclaveImage.HeapPage, 60)
            from count in Gen.Choose(1, 12)
            select new Step(kind, which, page, count);
        var steps = Gen.ListOf(step, 120).Select(list => list.ToArray()).ToArbitrary();
        var configuration = Config.QuickThrowOnFailure.WithMaxTest(tests);
        Prop.ForAll(steps, list => Run(epcPages, list)).Check(configuration);
    }

    private static void Run(int epcPages, Step[] steps)
    {
        var machine = new TestMachine(epcPages, driverOptions: new DriverOptions { LowPages = 8, HighPages = 14 });
        var enclaves = new EnclaveModel?[Images.Length];
        VirtualEpc? guest = null;
        foreach (var (action, which, page, count) in steps)
        {
            switch (action)
            {
                case Action.Build:
                    enclaves[which] ??= new EnclaveModel(machine, Images[which]);
                    break;
                case Action.Write:
                    enclaves[which]?.Write(page, (byte)(page ^ count));
                    break;
                case Action.Read:
                    enclaves[which]?.Read(page);
                    break;
                case Action.Accept:
                    enclaves[which]?.Accept(page);
                    break;
                case Action.Relax:
                    enclaves[which]?.Relax(page);
                    break;
                case Action.Restrict:
                    enclaves[which]?.Restrict(page, count);
                    break;
                case Action.Trim:
                    enclaves[which]?.Trim(page, count);
                    break;
                case Action.Remove:
                    enclaves[which]?.Remove(page, count);
                    break;
                case Action.AbandonTrim:
                    enclaves[which]?.AbandonTrim(page, count, 1 + (count / 2));
                    break;
                case Action.TouchFromOutside:
                    enclaves[which]?.TouchFromOutside(page);
                    break;
                case Action.Fork:
                    enclaves[which]?.Fork();
                    break;
                case Action.EndChildren:
                    enclaves[which]?.EndChildren();
                    break;
                case Action.Exit:
                    enclaves[which]?.Exit();
                    break;
                case Action.Release:
                    enclaves[which]?.Release();
                    enclaves[which] = null;
                    break;
                case Action.Ksgxd:
                    machine.Driver.Ksgxd(count);
                    break;
                case Action.Reclaim:
                    new PageReclaimer(machine.Driver.State).ReclaimPages(ignoreAge: count > 6);
                    break;
                case Action.GuestFault:
                    guest ??= OpenGuest(machine);
                    Assert.Equal(VmFault.NoPage, machine.Program.Fault(GuestStart + ((ulong)(page % 8) * 4096), AccessKind.Write));
                    break;
                case Action.GuestRelease:
                    ReleaseGuest(machine, ref guest);
                    break;
                case Action.LosePower:
                    LosePower(machine, count);
                    ReleaseGuest(machine, ref guest);
                    Array.ForEach(enclaves, enclave => enclave?.Release());
                    Array.Clear(enclaves);
                    machine.AssertAllFree();
                    break;
                default:
                    throw new InvalidOperationException();
            }

            machine.AssertInvariants();
        }

        ReleaseGuest(machine, ref guest);
        foreach (var enclave in enclaves)
        {
            enclave?.Release();
            machine.AssertInvariants();
        }

        machine.AssertAllFree();
    }

    // The EPC is empty, and the driver finds out as it goes on.
    private static void LosePower(TestMachine machine, int reclaims)
    {
        foreach (var thread in machine.Threads.Where(thread => thread.Processor.EnclaveMode))
        {
            thread.Interrupt(thread.Processor.Secs);
        }

        machine.Machine.LosePower();
        for (int i = 0; i < reclaims; i++)
        {
            new PageReclaimer(machine.Driver.State).ReclaimPages(ignoreAge: true);
        }
    }

    private static VirtualEpc OpenGuest(TestMachine machine)
    {
        var guest = machine.Driver.OpenVirtualEpc(new TestStorage());
        machine.Program.Map(guest, GuestStart, 8 * 4096);
        return guest;
    }

    private static void ReleaseGuest(TestMachine machine, ref VirtualEpc? guest)
    {
        if (guest is not null)
        {
            machine.Driver.Release(guest);
            machine.Program.Forget(guest);
            guest = null;
        }
    }

    private readonly record struct Step(Action Action, int Enclave, int Page, int Count);
}
