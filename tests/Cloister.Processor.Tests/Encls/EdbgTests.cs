using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, EDBGRD and EDBGWR, in the order of their checks.</summary>
[TestsOf(typeof(Processor.Encls.Edbgrd), typeof(Processor.Encls.Edbgwr))]
public class EdbgTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public EdbgTests() => enclave = TestEnclave.Built(world);

    private LeafResult Read(EpcPage page, int offset, out ulong value) => Edbgrd.Execute(world.Machine, page, offset, out value);

    private LeafResult Write(EpcPage page, int offset, ulong value = 1) => Edbgwr.Execute(world.Machine, page, offset, value);

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(-8)]
    [InlineData(4096)]
    public void An_offset_that_is_not_aligned_is_refused(int offset)
    {
        Expect.GeneralProtection(Read(enclave.Data, offset, out _));
        Expect.GeneralProtection(Write(enclave.Data, offset));
    }

    [Fact]
    public void Pages_outside_the_epc_or_not_valid_or_of_another_type_fault()
    {
        foreach (EpcPage page in new[] { new EpcPage(64), new EpcPage(63), enclave.Secs, world.Removed(enclave.MoreData) })
        {
            Expect.PageFault(Read(page, 0, out _));
            Expect.PageFault(Write(page, 0));
        }

        Expect.PageFault(Write(world.VersionArray(), 0));
    }

    [Fact]
    public void A_pending_or_modified_page_cannot_be_debugged()
    {
        EpcPage pending = enclave.Augment(TestEnclave.FreeOffset);
        Expect.Error(SgxError.PageNotDebuggable, Read(pending, 0, out _));
        Expect.Error(SgxError.PageNotDebuggable, Write(pending, 0));
        Expect.Success(Emodt.Execute(world.Machine, enclave.Data, new Secinfo(SecinfoFlags.Tcs)));
        Expect.Error(SgxError.PageNotDebuggable, Read(enclave.Data, 0, out _));
        Expect.Error(SgxError.PageNotDebuggable, Write(enclave.Data, 8));
    }

    [Fact]
    public void Of_a_tcs_the_fields_can_be_read_and_flags_written()
    {
        Expect.Success(Read(enclave.Tcs, 16, out ulong ossa));
        Assert.Equal(0x4000ul, ossa);
        Expect.GeneralProtection(Read(enclave.Tcs, 72, out _));
        Expect.GeneralProtection(Write(enclave.Tcs, 16));
        Expect.Success(Write(enclave.Tcs, 8, (ulong)TcsFlags.Dbgoptin));
        Assert.Equal(TcsFlags.Dbgoptin, world.Machine.TcsOf(enclave.Tcs).Flags);
    }

    [Fact]
    public void An_enclave_without_debug_is_refused()
    {
        TestEnclave production = TestEnclave.Built(world, secs => secs with { Attributes = new Attributes(AttributeFlags.Mode64Bit, 3) },
            origin: TestEnclave.DefaultBase + 0x100000);
        Expect.GeneralProtection(Read(production.Data, 0, out ulong value));
        Assert.Equal(0ul, value);
        Expect.GeneralProtection(Write(production.Data, 0));
    }

    [Fact]
    public void What_is_written_is_read()
    {
        Expect.Success(Write(enclave.Data, 4088, 0x1122_3344_5566_7788));
        Expect.Success(Read(enclave.Data, 4088, out ulong value));
        Assert.Equal(0x1122_3344_5566_7788ul, value);
    }

    [Fact]
    public void Of_a_version_array_only_whether_a_slot_is_occupied()
    {
        EpcPage versions = world.VersionArray();
        enclave.BlockAndTrack(enclave.Data);
        Expect.Success(Ewb.Execute(world.Machine, enclave.Data, versions, 1, new byte[4096], new byte[128], out _));
        Expect.Success(Read(versions, 8, out ulong occupied));
        Expect.Success(Read(versions, 16, out ulong empty));
        Assert.Equal((ulong.MaxValue, 0ul), (occupied, empty));
    }
}
