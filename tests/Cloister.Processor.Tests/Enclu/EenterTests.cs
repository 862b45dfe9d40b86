using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, EENTER, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Enclu.Eenter))]
public class EenterTests
{
    private const ulong Aep = 0x1234_5000;
    private readonly World world = new();

    private LeafResult Enter(LinearAddress tcs, ulong aep = Aep) => world.Enclu(EncluLeaf.Eenter, tcs.Value, aep);

    private void Refused(LeafResult expected, LinearAddress tcs, ulong aep = Aep)
    {
        Assert.Equal(expected, Enter(tcs, aep));
        Assert.False(world.Processor.EnclaveMode);
        Assert.Equal((ulong)EncluLeaf.Eenter, world.Processor.Registers.Rax);
        Assert.Equal(0ul, world.Processor.Registers.Rip);
    }

    [Fact]
    public void A_thread_that_is_inside_cannot_enter()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        enclave.Enter();
        Expect.GeneralProtection(Enter(enclave.SecondTcsAddress));
        Assert.True(world.Processor.EnclaveMode);
    }

    [Fact]
    public void A_tcs_address_that_is_not_a_page_is_refused()
        => Refused(LeafResult.GeneralProtection, TestEnclave.Built(world).TcsAddress + 8);

    [Fact]
    public void A_tcs_that_is_not_mapped_or_not_in_the_epc_faults()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        LinearAddress tcs = enclave.TcsAddress;
        world.Memory.Unmap(tcs);
        Refused(LeafResult.Of(Fault.PageFault(tcs, World.AbsentRead)), tcs);
        world.Memory.MapOrdinary(tcs);
        Refused(LeafResult.Of(Fault.PageFault(tcs, World.EpcmRead)), tcs);
        world.Memory.Map(tcs, enclave.Tcs);
        world.Memory.Deny(tcs, AccessKind.Read);
        Refused(LeafResult.Of(Fault.PageFault(tcs, PageFaultErrorCode.Present | PageFaultErrorCode.User)), tcs);
    }

    [Fact]
    public void An_aep_that_is_not_canonical_is_refused()
        => Refused(LeafResult.GeneralProtection, TestEnclave.Built(world).TcsAddress, 0x8000_0000_0000);

    [Fact]
    public void A_tcs_that_is_not_valid_blocked_elsewhere_of_another_type_or_modified_faults()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        LinearAddress tcs = enclave.TcsAddress;
        Fault fault = Fault.PageFault(tcs, World.EpcmRead);
        world.Memory.Map(tcs, new EpcPage(63));
        Refused(LeafResult.Of(fault), tcs);
        world.Memory.Map(tcs, enclave.Data);
        Refused(LeafResult.Of(fault), tcs);
        world.Memory.Map(tcs, enclave.SecondTcs);
        Refused(LeafResult.Of(fault), tcs);
        Refused(LeafResult.Of(Fault.PageFault(enclave.DataAddress, World.EpcmRead)), enclave.DataAddress);
        world.Memory.Map(tcs, enclave.Tcs);
        Expect.Success(Eblock.Execute(world.Machine, enclave.Tcs));
        Refused(LeafResult.Of(fault), tcs);
        var other = new World();
        TestEnclave removed = TestEnclave.Built(other);
        other.Removed(removed.Tcs);
        Expect.PageFault(tcs, World.EpcmRead, other.Enclu(EncluLeaf.Eenter, tcs.Value, Aep));
        Expect.Success(Emodt.Execute(world.Machine, enclave.SecondTcs, new Secinfo(SecinfoFlags.Trim)));
        Refused(LeafResult.Of(Fault.PageFault(enclave.SecondTcsAddress, World.EpcmRead)), enclave.SecondTcsAddress);
    }

    [Fact]
    public void A_new_tcs_that_is_not_accepted_faults()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        Expect.Success(Emodt.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.Tcs)));
        Refused(LeafResult.Of(Fault.PageFault(enclave.MoreDataAddress, World.EpcmRead)), enclave.MoreDataAddress);
    }

    public static TheoryData<string, Func<Tcs, Tcs>> IllegalTcs => new()
    {
        { "OSSA not aligned", tcs => tcs with { Ossa = 0x4010 } },
        { "OFSBASE not aligned", tcs => tcs with { Ofsbase = 8 } },
        { "OGSBASE not aligned", tcs => tcs with { Ogsbase = 8 } },
        { "AEXNOTIFY without the attribute", tcs => tcs with { Flags = TcsFlags.AexNotify } },
        { "no frame", tcs => tcs with { Nssa = 0 } },
        { "OENTRY not canonical", tcs => tcs with { Oentry = 0x1000_0000_0000 } },
        { "OFSBASE not canonical", tcs => tcs with { Ofsbase = 0x1000_0000_0000 } },
        { "OGSBASE not canonical", tcs => tcs with { Ogsbase = 0x1000_0000_0000 } },
    };

    [Theory]
    [MemberData(nameof(IllegalTcs))]
    public void An_illegal_tcs_is_refused(string what, Func<Tcs, Tcs> change)
    {
        Assert.NotEmpty(what);
        TestEnclave enclave = TestEnclave.Built(world, changeTcs: change);
        Refused(LeafResult.GeneralProtection, enclave.TcsAddress);
    }

    [Fact]
    public void A_reserved_flag_is_refused()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        Expect.Success(Edbgwr.Execute(world.Machine, enclave.Tcs, 8, 4));
        Refused(LeafResult.GeneralProtection, enclave.TcsAddress);
    }

    [Fact]
    public void The_attribute_aexnotify_needs_the_flag_unless_debugged()
    {
        TestEnclave enclave = TestEnclave.Built(world, AexNotifyTests.WithNotify);
        Refused(LeafResult.GeneralProtection, enclave.TcsAddress);
        Expect.Success(Edbgwr.Execute(world.Machine, enclave.Tcs, 8, (ulong)TcsFlags.Dbgoptin));
        Expect.Success(Enter(enclave.TcsAddress));
    }

    [Fact]
    public void An_enclave_that_is_not_initialised_or_not_of_64_bits_is_refused()
    {
        var young = new TestEnclave(world);
        young.AddPages();
        Refused(LeafResult.GeneralProtection, young.TcsAddress);
        TestEnclave legacy =
            TestEnclave.Built(world, secs => secs with { Attributes = new Attributes(AttributeFlags.None, 3) }, origin: 0x40_0000);
        Refused(LeafResult.GeneralProtection, legacy.TcsAddress);
    }

    [Fact]
    public void A_component_that_the_processor_does_not_have_is_refused()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        ref Secs secs = ref world.Machine.SecsOf(enclave.Secs);
        secs.Attributes = secs.Attributes with { Xfrm = 7 | (1UL << 40) };
        Refused(LeafResult.GeneralProtection, enclave.TcsAddress);
    }

    [Fact]
    public void A_frame_that_is_not_there_faults_for_write()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        LinearAddress frame = enclave.Base + 0x4000;
        world.Memory.Unmap(frame);
        Refused(LeafResult.Of(Fault.PageFault(frame, World.AbsentWrite)), enclave.TcsAddress);
        world.Memory.MapOrdinary(frame);
        Refused(LeafResult.Of(Fault.PageFault(frame, World.EpcmWrite)), enclave.TcsAddress);
        world.Memory.Map(frame, enclave.MoreData);
        Refused(LeafResult.Of(Fault.PageFault(frame, World.EpcmWrite)), enclave.TcsAddress);
    }

    [Fact]
    public void A_frame_without_permission_faults()
    {
        TestEnclave enclave = TestEnclave.Built(world, changeTcs: tcs => tcs with { Ossa = 0 });
        Refused(LeafResult.Of(Fault.PageFault(enclave.Base, World.EpcmWrite)), enclave.TcsAddress);
    }

    [Fact]
    public void A_blocked_or_modified_frame_faults()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        LinearAddress frame = enclave.Base + 0x4000;
        EpcPage page = world.Memory.Walk(frame, AccessKind.Read).Page;
        Expect.Success(Eblock.Execute(world.Machine, page));
        Refused(LeafResult.Of(Fault.PageFault(frame, World.EpcmWrite)), enclave.TcsAddress);
        frame = enclave.Base + 0x7000;
        page = world.Memory.Walk(frame, AccessKind.Read).Page;
        Expect.Success(Emodt.Execute(world.Machine, page, new Secinfo(SecinfoFlags.Trim)));
        Refused(LeafResult.Of(Fault.PageFault(frame, World.EpcmWrite)), enclave.SecondTcsAddress);
    }

    [Fact]
    public void Every_page_of_a_large_frame_is_looked_at()
    {
        var xsave = new XsaveLayout([(2, 576, 5000)]);
        var large = new World(new MachineOptions { Xsave = xsave });
        TestEnclave enclave = TestEnclave.Built(large, secs => secs with { SsaFrameSize = 3 }, tcs => tcs with { Ossa = 0x8000, Nssa = 1 });
        LinearAddress tcs = enclave.TcsAddress;
        for (ulong offset = 0x8000; offset < 0xb000; offset += 0x1000)
        {
            LinearAddress missing = enclave.Base + offset + (offset == 0xa000 ? 4096ul - 184 : 0);
            Expect.PageFault(missing, World.AbsentWrite, large.Enclu(EncluLeaf.Eenter, tcs.Value, Aep));
            EpcPage page = enclave.Augment(offset);
            Expect.PageFault(missing, World.EpcmWrite, large.Enclu(EncluLeaf.Eenter, tcs.Value, Aep));
            large.Machine.Epcm.Entry(page).Pending = false;
        }

        Expect.Success(large.Enclu(EncluLeaf.Eenter, tcs.Value, Aep));
    }

    [Fact]
    public void A_tcs_takes_one_thread()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        enclave.Enter();
        var other = new LogicalProcessor();
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Eenter, enclave.TcsAddress.Value, Aep, 0, other));
        enclave.Exit();
        enclave.Enter(other);
    }

    [Fact]
    public void The_thread_is_at_the_entry_point_with_the_enclaves_segments()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        Registers registers = world.Processor.Registers;
        (registers.Rip, registers.Rsp, registers.Rbp, registers.FsBase, registers.GsBase) =
            (0x40_1000, 0x7ffe_0000, 0x7ffe_0100, 0x11000, 0x22000);
        (registers.Rdx, registers.R15) = (0xd, 0xf);
        Expect.Success(Enter(enclave.TcsAddress));
        Assert.Equal((enclave.Base + TestEnclave.Entry).Value, registers.Rip);
        Assert.Equal((0ul, enclave.TcsAddress.Value, 0x40_1003ul), (registers.Rax, registers.Rbx, registers.Rcx));
        Assert.Equal(((enclave.Base + TestEnclave.FsOffset).Value, (enclave.Base + TestEnclave.GsOffset).Value),
            (registers.FsBase, registers.GsBase));
        Assert.Equal((0x7ffe_0000ul, 0x7ffe_0100ul, 0ul, 0xful), (registers.Rsp, registers.Rbp, registers.Rdx, registers.R15));
        LogicalProcessor processor = world.Processor;
        Assert.True(processor.EnclaveMode);
        Assert.Equal((enclave.Secs, enclave.Tcs, enclave.TcsAddress), (processor.Secs, processor.TcsPage, processor.Tcs));
        Assert.Equal((new LinearAddress(Aep), 0x11000ul, 0x22000ul), (processor.Aep, processor.SavedFsBase, processor.SavedGsBase));
        Assert.Equal((enclave.Base, TestEnclave.Size), (processor.EnclaveBase, processor.EnclaveSize));
        Assert.Equal(Aep, world.Machine.TcsOf(enclave.Tcs).Aep);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_opt_out_entry_hides_the_trap_flag_until_the_exit(bool optIn)
    {
        TestEnclave enclave = TestEnclave.Built(world);
        if (optIn)
        {
            Expect.Success(Edbgwr.Execute(world.Machine, enclave.Tcs, 8, (ulong)TcsFlags.Dbgoptin));
        }

        Registers registers = world.Processor.Registers;
        registers.Rflags |= Registers.TrapFlag;
        enclave.Enter();
        Assert.Equal(optIn, (registers.Rflags & Registers.TrapFlag) != 0);
        enclave.Exit();
        Assert.NotEqual(0ul, registers.Rflags & Registers.TrapFlag);
    }
}
