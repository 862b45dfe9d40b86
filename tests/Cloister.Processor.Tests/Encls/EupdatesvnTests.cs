using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>Intel's EUPDATESVN specification.</summary>
[TestsOf(typeof(Processor.Encls.Eupdatesvn))]
public class EupdatesvnTests
{
    private static readonly byte[] Newer = [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    [Fact]
    public void It_is_not_always_offered()
        => Expect.GeneralProtection(Eupdatesvn.Execute(new World(new MachineOptions { Eupdatesvn = false }).Machine));

    [Fact]
    public void A_used_epc_is_not_ready()
    {
        var world = new World(new MachineOptions { UpdatedCpusvn = Newer });
        EpcPage page = world.VersionArray();
        Expect.Error(SgxError.EpcNotReady, Eupdatesvn.Execute(world.Machine));
        Expect.Success(Eremove.Execute(world.Machine, page));
        Expect.Success(Eupdatesvn.Execute(world.Machine));
    }

    [Fact]
    public void The_newest_version_is_told()
    {
        var world = new World();
        Expect.Error(SgxError.NoUpdate, Eupdatesvn.Execute(world.Machine));
    }

    [Fact]
    public void The_update_happens_once_and_renews_the_keys_of_the_power_cycle()
    {
        var world = new World(new MachineOptions { UpdatedCpusvn = Newer });
        byte[] before = Tag(world.Machine);
        Expect.Success(Eupdatesvn.Execute(world.Machine));
        Assert.Equal(Newer, world.Machine.Cpusvn.ToArray());
        Assert.NotEqual(before, Tag(world.Machine));
        Expect.Error(SgxError.NoUpdate, Eupdatesvn.Execute(world.Machine));

        static byte[] Tag(SgxMachine machine)
        {
            byte[] tag = new byte[16];
            machine.Keys.Paging.Encrypt(stackalloc byte[12], default(ReadOnlySpan<byte>), [], tag.AsSpan());
            return tag;
        }
    }
}
