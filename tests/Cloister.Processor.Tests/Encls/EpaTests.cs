using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, EPA.</summary>
[TestsOf(typeof(Processor.Encls.Epa))]
public class EpaTests
{
    private readonly World world = new();

    [Fact]
    public void A_page_outside_the_epc_faults() => Expect.PageFault(Epa.Execute(world.Machine, new EpcPage(64)));

    [Fact]
    public void A_valid_page_faults() => Expect.PageFault(Epa.Execute(world.Machine, world.VersionArray()));

    [Fact]
    public void The_array_is_empty_and_belongs_to_nobody()
    {
        world.Machine.Memory[new EpcPage(0)].Fill(0xff);
        EpcPage page = world.VersionArray();
        Assert.Equal(new byte[4096], world.Machine.Memory[page].ToArray());
        Assert.True(world.Epcm(page) is { Valid: true, PageType: PageType.Va, R: false, W: false, X: false, EnclaveSecs.IsNone: true });
    }
}
