using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, EREMOVE, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Encls.Eremove))]
public class EremoveTests
{
    private readonly World world = new();

    [Fact]
    public void A_page_outside_the_epc_faults() => Expect.PageFault(Eremove.Execute(world.Machine, new EpcPage(64)));

    [Fact]
    public void An_unused_page_is_nothing_to_do() => Expect.Success(Eremove.Execute(world.Machine, new EpcPage(0)));

    [Fact]
    public void What_removes_nothing_is_told_of_nobodys_page()
    {
        var observer = new RecordingObserver();
        EpcPage page = new TestEnclave(world).Add(0, SecinfoFlags.Reg | SecinfoFlags.R);
        world.Machine.Observer = observer;
        Expect.Success(Eremove.Execute(world.Machine, page));
        Expect.Success(Eremove.Execute(world.Machine, page));
        Assert.Equal(2, observer.Heard.Count);
        Assert.StartsWith($"Eremove {page} ", observer.Heard[0]);
        Assert.StartsWith($"Eremove {EpcPage.None} ", observer.Heard[1]);
    }

    [Fact]
    public void A_version_array_goes()
    {
        EpcPage page = world.VersionArray();
        Expect.Success(Eremove.Execute(world.Machine, page));
        Assert.False(world.Epcm(page).Valid);
        Assert.Equal(0, world.Machine.ValidPages);
    }

    [Fact]
    public void A_secs_stays_while_it_has_pages()
    {
        var enclave = new TestEnclave(world);
        EpcPage page = enclave.Add(0, SecinfoFlags.Reg | SecinfoFlags.R);
        Expect.Error(SgxError.ChildPresent, Eremove.Execute(world.Machine, enclave.Secs));
        Expect.Success(Eremove.Execute(world.Machine, page));
        Expect.Success(Eremove.Execute(world.Machine, enclave.Secs));
        Assert.Equal(0, world.Machine.ValidPages);
        Expect.Success(Ecreate.Execute(world.Machine, World.Bytes(TestEnclave.LegalSecs()), default, enclave.Secs));
    }

    [Fact]
    public void A_page_stays_while_threads_are_inside_unless_it_is_trimmed_and_accepted()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        enclave.Enter();
        Expect.Error(SgxError.EnclaveAct, Eremove.Execute(world.Machine, enclave.MoreData));
        enclave.Exit();
        Expect.Success(Emodt.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.Trim)));
        world.Track(enclave);
        enclave.Enter();
        Expect.Error(SgxError.EnclaveAct, Eremove.Execute(world.Machine, enclave.MoreData));
        ulong secinfo = enclave.Place(new Secinfo(SecinfoFlags.Trim | SecinfoFlags.Modified)).Value;
        Expect.Success(world.Enclu(EncluLeaf.Eaccept, secinfo, enclave.MoreDataAddress.Value));
        Expect.Success(Eremove.Execute(world.Machine, enclave.MoreData));
        Assert.False(world.Epcm(enclave.MoreData).Valid);
    }

    [Fact]
    public void A_page_can_be_used_again()
    {
        var enclave = new TestEnclave(world);
        EpcPage page = enclave.Add(0, SecinfoFlags.Reg | SecinfoFlags.R);
        Expect.Success(Eremove.Execute(world.Machine, page));
        Expect.Success(Epa.Execute(world.Machine, page));
    }
}
