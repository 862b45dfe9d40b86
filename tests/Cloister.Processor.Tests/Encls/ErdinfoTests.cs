using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, ERDINFO, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Encls.Erdinfo))]
public class ErdinfoTests
{
    private readonly World world = new();

    private Rdinfo Read(EpcPage page)
    {
        Expect.Success(Erdinfo.Execute(world.Machine, page, out Rdinfo rdinfo));
        return rdinfo;
    }

    [Fact]
    public void It_is_not_offered_without_the_oversubscription_leaves()
        => Expect.GeneralProtection(
            Erdinfo.Execute(new World(new MachineOptions { Oversubscription = false }).Machine, new EpcPage(0), out _));

    [Fact]
    public void Pages_outside_the_epc_and_pages_that_are_not_valid_are_told_apart()
    {
        Expect.Error(SgxError.PgNonepc, Erdinfo.Execute(world.Machine, new EpcPage(64), out _));
        Expect.Error(SgxError.PgInvld, Erdinfo.Execute(world.Machine, new EpcPage(0), out _));
    }

    [Fact]
    public void A_secs_tells_whether_it_has_pages()
    {
        var enclave = new TestEnclave(world);
        Assert.Equal(0ul, Read(enclave.Secs).Status);
        enclave.Add(0, SecinfoFlags.Reg | SecinfoFlags.R);
        Assert.Equal(Rdinfo.ChildPresent, Read(enclave.Secs).Status);
    }

    [Fact]
    public void A_page_tells_its_state_and_its_owner()
    {
        world.VersionArray();
        TestEnclave enclave = TestEnclave.Built(world);
        Assert.Equal((ulong)(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W), Read(enclave.Data).Flags);
        Assert.Equal((ulong)enclave.Secs.Index * 4096, Read(enclave.Data).EnclaveContext);
        Assert.Equal(Read(enclave.Secs).EnclaveContext, Read(enclave.Data).EnclaveContext);
        Expect.Success(Emodpr.Execute(world.Machine, enclave.Data, new Secinfo(SecinfoFlags.R)));
        Expect.Success(Eblock.Execute(world.Machine, enclave.Data));
        Assert.Equal((ulong)(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.Pr) | Rdinfo.Blocked, Read(enclave.Data).Flags);
    }

    [Fact]
    public void A_version_array_has_no_owner()
    {
        Rdinfo rdinfo = Read(world.VersionArray());
        Assert.Equal(((ulong)SecinfoFlags.Va, 0ul, 0ul), (rdinfo.Flags, rdinfo.EnclaveContext, rdinfo.Status));
    }
}
