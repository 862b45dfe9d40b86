using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, EEXTEND, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Encls.Eextend))]
public class EextendTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;
    private readonly EpcPage page = new(40);

    public EextendTests()
    {
        enclave = new TestEnclave(world);
        var secinfo = new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R);
        Expect.Success(Eadd.Execute(world.Machine, enclave.Secs, enclave.Base, secinfo, new byte[4096], page));
    }

    [Theory]
    [InlineData(-256)]
    [InlineData(1)]
    [InlineData(128)]
    [InlineData(4096)]
    public void A_chunk_that_is_not_aligned_is_refused(int offset)
        => Expect.GeneralProtection(Eextend.Execute(world.Machine, page, offset));

    [Theory]
    [InlineData(64)]
    [InlineData(50)]
    public void A_page_that_is_not_valid_faults(int index)
        => Expect.PageFault(Eextend.Execute(world.Machine, new EpcPage(index), 0));

    [Fact]
    public void A_secs_or_va_or_removed_page_faults()
    {
        Expect.PageFault(Eextend.Execute(world.Machine, enclave.Secs, 0));
        Expect.PageFault(Eextend.Execute(world.Machine, world.VersionArray(), 0));
        Expect.PageFault(Eextend.Execute(world.Machine, world.Removed(page), 0));
    }

    [Fact]
    public void An_initialised_enclave_is_not_measured_any_more()
    {
        Expect.Success(enclave.Init());
        Expect.GeneralProtection(Eextend.Execute(world.Machine, page, 0));
        Expect.GeneralProtection(Eextend.ExecutePage(world.Machine, page));
    }

    [Fact]
    public void A_page_at_once_measures_the_same_as_16_chunks()
    {
        var other = new World();
        var same = new TestEnclave(other);
        var secinfo = new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R);
        Expect.Success(Eadd.Execute(other.Machine, same.Secs, same.Base, secinfo, new byte[4096], page));
        Expect.Success(Eextend.ExecutePage(world.Machine, page));
        for (int offset = 0; offset < 4096; offset += 256)
        {
            Expect.Success(Eextend.Execute(other.Machine, page, offset));
        }

        Assert.Equal(Digest(world, enclave), Digest(other, same));
    }

    private static byte[] Digest(World world, TestEnclave enclave)
    {
        byte[] digest = new byte[32];
        world.Machine.EnclaveOf(enclave.Secs).Measurement!.Digest(digest);
        return digest;
    }
}
