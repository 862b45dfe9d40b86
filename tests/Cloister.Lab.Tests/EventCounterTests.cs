using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Lab.Tests;

public class EventCounterTests
{
    private readonly Listener _listener = new();
    private readonly EventCounter _counter;
    private DriverStatistics _driver;

    public EventCounterTests() => _counter = new EventCounter(() => _driver, _listener);

    [Fact]
    public void Building_ends_with_einit_and_use_with_the_last_eexit()
    {
        Call();
        Encls(EnclsLeaf.Ecreate);
        Call();
        Encls(EnclsLeaf.Eadd);
        Encls(EnclsLeaf.Eextend);
        Call();
        Encls(EnclsLeaf.Einit);
        Enclu(EncluLeaf.Eenter);
        Fault();
        Encls(EnclsLeaf.Eaug);
        Enclu(EncluLeaf.Eresume);
        Enclu(EncluLeaf.Eaccept);
        Enclu(EncluLeaf.Eexit);
        Enclu(EncluLeaf.Eenter);
        Call();
        Enclu(EncluLeaf.Eacceptcopy);
        Enclu(EncluLeaf.Eexit);
        Call();
        Encls(EnclsLeaf.Eremove);
        Fault();

        EnclaveEvents enclave = Assert.Single(_counter.Enclaves);
        Same(enclave.Build, (MachineEvent.Ecreate, 1), (MachineEvent.Eadd, 1), (MachineEvent.Eextend, 16), (MachineEvent.Einit, 1),
            (MachineEvent.Ioctl, 3));
        Same(enclave.Use, (MachineEvent.Eaug, 1), (MachineEvent.Eenter, 2), (MachineEvent.Eexit, 2), (MachineEvent.AexPageFault, 1),
            (MachineEvent.Eresume, 1),
            (MachineEvent.Eaccept, 1), (MachineEvent.Eacceptcopy, 1), (MachineEvent.PageFault, 1), (MachineEvent.Ioctl, 1));
    }

    [Fact]
    public void Each_enclave_has_its_own_counts()
    {
        for (int i = 1; i <= 3; i++)
        {
            Call();
            Encls(EnclsLeaf.Ecreate);
            Call();
            Encls(EnclsLeaf.Einit);
            for (int call = 0; call < i; call++)
            {
                Enclu(EncluLeaf.Eenter);
                Enclu(EncluLeaf.Eexit);
            }

            Encls(EnclsLeaf.Eremove);
        }

        Assert.Equal([1, 2, 3], _counter.Enclaves.Select(enclave => enclave.Use[MachineEvent.Eexit]));
        Assert.All(_counter.Enclaves, enclave => Assert.Equal(2, enclave.Build[MachineEvent.Ioctl]));
    }

    [Fact]
    public void What_was_refused_does_not_count()
    {
        Encls(EnclsLeaf.Ecreate);
        Encls(EnclsLeaf.Einit);
        _counter.EncluExecuted(EncluLeaf.Eaccept, null!, default, LeafResult.GeneralProtection);
        _counter.EncluExecuted(EncluLeaf.Eaccept, null!, default, LeafResult.Of(SgxError.PageAttributesMismatch));
        _counter.EnclsExecuted(EnclsLeaf.Eaug, default, default, LeafResult.PageFault);
        Enclu(EncluLeaf.Eexit);
        Same(_counter.Enclaves[0].Use, (MachineEvent.Eexit, 1));
    }

    [Fact]
    public void Pages_that_did_not_fit_are_counted()
    {
        Encls(EnclsLeaf.Ecreate);
        Encls(EnclsLeaf.Einit);
        Encls(EnclsLeaf.Ewb);
        Encls(EnclsLeaf.Ewb);
        Encls(EnclsLeaf.Eldu);
        Enclu(EncluLeaf.Eexit);
        Same(_counter.Enclaves[0].Use, (MachineEvent.Ewb, 2), (MachineEvent.Eldu, 1), (MachineEvent.Eexit, 1));
    }

    [Fact]
    public void An_interrupt_is_another_exit_than_a_page_fault()
    {
        Encls(EnclsLeaf.Ecreate);
        Encls(EnclsLeaf.Einit);
        _counter.AexTaken(null!, null, 0, default);
        _counter.AexTaken(null!, ExceptionVector.InvalidOpcode, 0, default);
        _counter.AexTaken(null!, ExceptionVector.PageFault, 0, default);
        Enclu(EncluLeaf.Eexit);
        Same(_counter.Enclaves[0].Use, (MachineEvent.AexOther, 2), (MachineEvent.AexPageFault, 1), (MachineEvent.Eexit, 1));
        Assert.Equal(3, _counter.Enclaves[0].Use.Aex);
    }

    [Fact]
    public void The_observer_behind_it_hears_everything()
    {
        Encls(EnclsLeaf.Ecreate);
        Enclu(EncluLeaf.Eexit);
        Fault();
        _counter.EnclaveRefused(EnclsLeaf.Einit, default, default, "", "", "");
        Assert.Equal(["Ecreate", "Eexit", "AEX", "refused"], _listener.Heard);
    }

    [Fact]
    public void Every_event_has_a_name_and_the_name_leads_back()
    {
        Assert.All(Enum.GetValues<MachineEvent>(), one => Assert.Equal(one, MachineEventNames.Parse(one.Name())));
        Assert.Null(MachineEventNames.Parse("EPANIC"));
    }

    private static void Same(EventCounts counts, params (MachineEvent Event, long Count)[] expected) =>
        Assert.Equal(expected.OrderBy(e => e.Event), counts.Present.Select(one => (one, counts[one])));

    private void Call() => _driver = _driver with { Ioctls = _driver.Ioctls + 1 };

    private void Fault()
    {
        _driver = _driver with { Faults = _driver.Faults + 1 };
        _counter.AexTaken(null!, ExceptionVector.PageFault, 0, default);
    }

    private void Encls(EnclsLeaf leaf) => _counter.EnclsExecuted(leaf, default, default, LeafResult.Success);

    private void Enclu(EncluLeaf leaf) => _counter.EncluExecuted(leaf, null!, default, LeafResult.Success);

    private sealed class Listener : IMachineObserver
    {
        public List<string> Heard { get; } = [];

        public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result) => Heard.Add($"{leaf}");

        public void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result) =>
            Heard.Add($"{leaf}");

        public void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address) =>
            Heard.Add("AEX");

        public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected,
            string found) => Heard.Add("refused");
    }
}
