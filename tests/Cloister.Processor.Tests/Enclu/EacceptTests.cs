using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, EACCEPT, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Enclu.Eaccept))]
public class EacceptTests
{
    private const SecinfoFlags New = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending;
    private const SecinfoFlags Trimmed = SecinfoFlags.Trim | SecinfoFlags.Modified;
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public EacceptTests()
    {
        enclave = TestEnclave.Built(world);
        enclave.Enter();
    }

    private LinearAddress Free => enclave.Base + TestEnclave.FreeOffset;

    private LeafResult Accept(SecinfoFlags flags, LinearAddress address)
        => world.Enclu(EncluLeaf.Eaccept, enclave.Place(new Secinfo(flags)).Value, address.Value);

    /// <summary>Changes a page while the thread is outside, so that it is tracked.</summary>
    private void Outside(Action change)
    {
        enclave.Exit();
        change();
        world.Track(enclave);
        enclave.Enter();
    }

    private void Modify(EpcPage page, SecinfoFlags type)
        => Outside(() => Expect.Success(Emodt.Execute(world.Machine, page, new Secinfo(type))));

    [Fact]
    public void It_is_not_for_threads_outside_and_not_offered_without_sgx2()
    {
        enclave.Exit();
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Eaccept));
        var other = new World(new MachineOptions { Sgx2 = false });
        TestEnclave plain = TestEnclave.Built(other);
        plain.Enter();
        ulong secinfo = plain.Place(new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pr)).Value;
        Expect.GeneralProtection(other.Enclu(EncluLeaf.Eaccept, secinfo, plain.MoreDataAddress.Value));
    }

    [Fact]
    public void The_secinfo_must_be_aligned_and_inside()
    {
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Eaccept, enclave.DataAddress.Value + 8, Free.Value));
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Eaccept, enclave.Base.Value - 64, Free.Value));
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Eaccept, enclave.Base.Value + TestEnclave.Size, Free.Value));
    }

    [Fact]
    public void The_secinfos_page_must_be_readable()
    {
        LinearAddress secinfo = enclave.MoreDataAddress + 64;
        world.Memory.Unmap(secinfo);
        Expect.PageFault(secinfo, World.AbsentRead, world.Enclu(EncluLeaf.Eaccept, secinfo.Value, Free.Value));
        world.Memory.Map(secinfo, enclave.Data);
        Expect.PageFault(secinfo, World.EpcmRead, world.Enclu(EncluLeaf.Eaccept, secinfo.Value, Free.Value));
        world.Memory.Map(secinfo, enclave.MoreData);
        Expect.Success(Eblock.Execute(world.Machine, enclave.MoreData));
        Expect.PageFault(secinfo, World.EpcmRead, world.Enclu(EncluLeaf.Eaccept, secinfo.Value, Free.Value));
        LinearAddress tcs = enclave.SecondTcsAddress;
        Expect.PageFault(tcs, World.EpcmRead, world.Enclu(EncluLeaf.Eaccept, tcs.Value, Free.Value));
    }

    [Fact]
    public void Reserved_fields_of_the_secinfo_are_refused()
    {
        enclave.Augment(TestEnclave.FreeOffset);
        Expect.GeneralProtection(Accept(New | (SecinfoFlags)0x40, Free));
        Secinfo secinfo = new(New);
        secinfo.Reserved[55] = 1;
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Eaccept, enclave.Place(secinfo).Value, Free.Value));
    }

    [Fact]
    public void The_page_must_be_aligned_inside_and_in_the_epc()
    {
        Expect.GeneralProtection(Accept(New, Free + 64));
        Expect.GeneralProtection(Accept(New, enclave.Base + TestEnclave.Size));
        Expect.PageFault(Free, World.AbsentRead, Accept(New, Free));
        world.Memory.MapOrdinary(Free);
        Expect.PageFault(Free, World.EpcmRead, Accept(New, Free));
    }

    [Theory]
    [InlineData(SecinfoFlags.Reg | SecinfoFlags.R)]
    [InlineData(New | SecinfoFlags.Modified)]
    [InlineData(SecinfoFlags.Reg | SecinfoFlags.Pr | SecinfoFlags.Modified)]
    [InlineData(SecinfoFlags.Trim)]
    [InlineData(Trimmed | SecinfoFlags.Pending)]
    [InlineData(Trimmed | SecinfoFlags.Pr)]
    [InlineData(SecinfoFlags.Tcs)]
    [InlineData(SecinfoFlags.Tcs | SecinfoFlags.Modified | SecinfoFlags.Pending)]
    [InlineData(SecinfoFlags.Va | SecinfoFlags.Modified)]
    [InlineData(SecinfoFlags.Pending)]
    [InlineData(SecinfoFlags.SsFirst | SecinfoFlags.Pending | SecinfoFlags.R | SecinfoFlags.W)]
    public void An_illegal_combination_is_refused(SecinfoFlags flags)
    {
        enclave.Augment(TestEnclave.FreeOffset);
        Expect.GeneralProtection(Accept(flags, Free));
    }

    [Fact]
    public void A_page_that_is_not_valid_blocked_of_another_type_or_enclave_faults()
    {
        world.Memory.Map(Free, new EpcPage(63));
        Expect.PageFault(Free, World.EpcmRead, Accept(New, Free));
        world.Memory.Map(Free, world.VersionArray());
        Expect.PageFault(Free, World.EpcmRead, Accept(New, Free));
        world.Memory.Map(Free, TestEnclave.Built(world, origin: TestEnclave.DefaultBase + 0x100000).Data);
        Expect.PageFault(Free, World.EpcmRead, Accept(New, Free));
        EpcPage page = enclave.Augment(TestEnclave.FreeOffset);
        Outside(() => world.Removed(page));
        Expect.PageFault(Free, World.EpcmRead, Accept(New, Free));
        page = enclave.Augment(TestEnclave.FreeOffset);
        Expect.Success(Eblock.Execute(world.Machine, page));
        Expect.PageFault(Free, World.EpcmRead, Accept(New, Free));
    }

    [Theory]
    [InlineData(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.Pending)]
    [InlineData(New | SecinfoFlags.X)]
    [InlineData(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pr)]
    [InlineData(Trimmed)]
    [InlineData(SecinfoFlags.Tcs | SecinfoFlags.Modified)]
    public void A_request_that_does_not_match_the_page_is_told(SecinfoFlags flags)
    {
        EpcPage page = enclave.Augment(TestEnclave.FreeOffset);
        Expect.Error(SgxError.PageAttributesMismatch, Accept(flags, Free));
        Assert.True(world.Epcm(page).Pending);
        Assert.Equal((ulong)SgxError.PageAttributesMismatch, world.Processor.Registers.Rax);
    }

    [Fact]
    public void A_page_mapped_at_another_address_does_not_match()
    {
        EpcPage page = enclave.Augment(TestEnclave.FreeOffset);
        world.Memory.Map(Free + 0x1000, page);
        Expect.Error(SgxError.PageAttributesMismatch, Accept(New, Free + 0x1000));
    }

    [Fact]
    public void A_change_that_is_not_tracked_is_told()
    {
        Expect.Success(Emodt.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.Trim)));
        Expect.Error(SgxError.NotTracked, Accept(Trimmed, enclave.MoreDataAddress));
        Expect.Success(Etrack.Execute(world.Machine, enclave.Secs));
        Expect.Error(SgxError.NotTracked, Accept(Trimmed, enclave.MoreDataAddress));
        enclave.Exit();
        enclave.Enter();
        Expect.Success(Accept(Trimmed, enclave.MoreDataAddress));
    }

    [Fact]
    public void A_restriction_must_be_tracked_as_well()
    {
        Expect.Success(Emodpr.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.R)));
        const SecinfoFlags Restricted = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.Pr;
        Expect.Error(SgxError.NotTracked, Accept(Restricted, enclave.MoreDataAddress));
        Outside(() => { });
        Expect.Success(Accept(Restricted, enclave.MoreDataAddress));
        Assert.False(world.Epcm(enclave.MoreData).Pr);
    }

    [Fact]
    public void A_new_page_needs_no_tracking()
    {
        EpcPage page = enclave.Augment(TestEnclave.FreeOffset);
        Expect.Success(Accept(New, Free));
        Assert.Equal(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W, world.Epcm(page).SecinfoFlags);
    }

    public static TheoryData<string, Func<Tcs, Tcs>> IllegalTcs => new()
    {
        { "reserved", tcs => { tcs.Reserved[0] = 1; return tcs; } },
        { "FLAGS reserved", tcs => tcs with { Flags = (TcsFlags)4 } },
        { "DBGOPTIN", tcs => tcs with { Flags = TcsFlags.Dbgoptin } },
        { "CSSA", tcs => tcs with { Cssa = 2 } },
        { "CSSA without frames", tcs => tcs with { Cssa = 1, Nssa = 0 } },
        { "AEP", tcs => tcs with { Aep = 1 } },
        { "STATE", tcs => tcs with { State = 1 } },
        { "PREVSSP", tcs => tcs with { Prevssp = 8 } },
    };

    [Theory]
    [MemberData(nameof(IllegalTcs))]
    public void An_illegal_new_tcs_is_refused(string what, Func<Tcs, Tcs> change)
    {
        Assert.NotEmpty(what);
        MemoryMarshal.Write(world.Machine.Memory[enclave.MoreData], change(TestEnclave.LegalTcs()));
        Modify(enclave.MoreData, SecinfoFlags.Tcs);
        Expect.GeneralProtection(Accept(SecinfoFlags.Tcs | SecinfoFlags.Modified, enclave.MoreDataAddress));
        Assert.True(world.Epcm(enclave.MoreData).Modified);
    }

    [Fact]
    public void A_new_tcs_can_be_entered()
    {
        MemoryMarshal.Write(world.Machine.Memory[enclave.MoreData], TestEnclave.LegalTcs(0x7000, 1));
        Modify(enclave.MoreData, SecinfoFlags.Tcs);
        Expect.Success(Accept(SecinfoFlags.Tcs | SecinfoFlags.Modified, enclave.MoreDataAddress));
        Expect.Success(world.Enclu(EncluLeaf.Eenter, enclave.MoreDataAddress.Value, 0x1000, 0, new LogicalProcessor()));
    }

    /// <summary>Processors take it: intel/sgx-emm's test_sgx_mm_types. SDM 3D, EENTER: CSSA is not below NSSA.</summary>
    [Fact]
    public void A_new_tcs_of_zeroes_is_accepted_and_cannot_be_entered()
    {
        world.Machine.Memory[enclave.MoreData].Clear();
        Modify(enclave.MoreData, SecinfoFlags.Tcs);
        Expect.Success(Accept(SecinfoFlags.Tcs | SecinfoFlags.Modified, enclave.MoreDataAddress));
        Assert.False(world.Epcm(enclave.MoreData).Modified);
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Eenter, enclave.MoreDataAddress.Value, 0x1000, 0, new LogicalProcessor()));
    }

    [Fact]
    public void A_new_tcs_without_frames_is_accepted_in_an_enclave_of_64_bits_whatever_its_limits()
    {
        MemoryMarshal.Write(world.Machine.Memory[enclave.MoreData], TestEnclave.LegalTcs() with { Nssa = 0, Fslimit = 0, Gslimit = 0 });
        Modify(enclave.MoreData, SecinfoFlags.Tcs);
        Expect.Success(Accept(SecinfoFlags.Tcs | SecinfoFlags.Modified, enclave.MoreDataAddress));
    }

    [Fact]
    public void A_page_that_does_not_match_or_is_not_tracked_is_told_before_its_content_is_looked_at()
    {
        MemoryMarshal.Write(world.Machine.Memory[enclave.MoreData], TestEnclave.LegalTcs() with { Aep = 1 });
        Expect.Success(Emodt.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.Tcs)));
        Expect.Error(SgxError.PageAttributesMismatch, Accept(Trimmed, enclave.MoreDataAddress));
        Expect.Error(SgxError.NotTracked, Accept(SecinfoFlags.Tcs | SecinfoFlags.Modified, enclave.MoreDataAddress));
        Outside(() => { });
        Expect.GeneralProtection(Accept(SecinfoFlags.Tcs | SecinfoFlags.Modified, enclave.MoreDataAddress));
    }

    [Fact]
    public void Success_clears_rax_and_the_flags_and_goes_on_and_an_error_sets_zf()
    {
        enclave.Augment(TestEnclave.FreeOffset);
        Registers registers = world.Processor.Registers;
        registers.Rip = 0x100;
        registers.Rflags = 2 | 0x8d5 | Registers.DirectionFlag;
        Expect.Error(SgxError.PageAttributesMismatch, Accept(New | SecinfoFlags.X, Free));
        Assert.Equal((19ul, 0x103ul, 2 | Registers.ZeroFlag | Registers.DirectionFlag), (registers.Rax, registers.Rip, registers.Rflags));
        Expect.Success(Accept(New, Free));
        Assert.Equal((0ul, 0x106ul, 2 | Registers.DirectionFlag), (registers.Rax, registers.Rip, registers.Rflags));
        Expect.GeneralProtection(Accept(SecinfoFlags.Reg, Free));
        Assert.Equal((5ul, 0x106ul), (registers.Rax, registers.Rip));
    }
}
