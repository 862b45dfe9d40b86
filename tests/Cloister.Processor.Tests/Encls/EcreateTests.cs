using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, ECREATE, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Encls.Ecreate))]
public class EcreateTests
{
    private readonly World world = new();

    private LeafResult Create(Secs secs, Secinfo secinfo = default, int page = 0)
        => Ecreate.Execute(world.Machine, World.Bytes(secs), secinfo, new EpcPage(page));

    [Theory]
    [InlineData(-1)]
    [InlineData(64)]
    public void A_page_outside_the_epc_faults(int page) => Expect.PageFault(Create(TestEnclave.LegalSecs(), page: page));

    [Fact]
    public void The_secinfo_must_be_of_type_secs_and_its_reserved_fields_zero()
    {
        Expect.GeneralProtection(Create(TestEnclave.LegalSecs(), new Secinfo(SecinfoFlags.Reg)));
        Expect.GeneralProtection(Create(TestEnclave.LegalSecs(), new Secinfo((SecinfoFlags)(1 << 6))));
        Expect.GeneralProtection(Create(TestEnclave.LegalSecs(), new Secinfo((SecinfoFlags)(1 << 16))));
        Secinfo secinfo = default;
        secinfo.Reserved[55] = 1;
        Expect.GeneralProtection(Create(TestEnclave.LegalSecs(), secinfo));
    }

    [Fact]
    public void A_valid_page_faults()
    {
        Expect.Success(Create(TestEnclave.LegalSecs()));
        Expect.PageFault(Create(TestEnclave.LegalSecs()));
    }

    public static TheoryData<string, Func<Secs, Secs>> IllegalFields => new()
    {
        { "ATTRIBUTES.XFRM[1:0]", secs => secs with { Attributes = secs.Attributes with { Xfrm = 5 } } },
        { "ATTRIBUTES.XFRM", secs => secs with { Attributes = secs.Attributes with { Xfrm = 3 | (1 << 5) } } },
        { "ATTRIBUTES.XFRM", secs => secs with { Attributes = secs.Attributes with { Xfrm = 0xe3 } } },
        { "ATTRIBUTES.XFRM", secs => secs with { Attributes = secs.Attributes with { Xfrm = 3 | (1UL << 62) } } },
        { "CET_ATTRIBUTES", secs => secs with { CetAttributes = 1 } },
        { "CET_ATTRIBUTES", secs => secs with { CetLegBitmapOffset = 0x1000 } },
        { "MISCSELECT", secs => secs with { Miscselect = Miscselect.Cpinfo } },
        { "SSAFRAMESIZE", secs => secs with { SsaFrameSize = 0 } },
        { "BASEADDR", secs => secs with { BaseAddr = 0x8000_0000_0000 } },
        { "BASEADDR", secs => secs with { Attributes = secs.Attributes with { Flags = AttributeFlags.None } } },
        { "SIZE", secs => secs with { BaseAddr = 0, Size = 1UL << 57 } },
        { "SIZE", secs => secs with { Size = 0x1000 } },
        { "SIZE", secs => secs with { Size = 0x3000 } },
        { "BASEADDR", secs => secs with { BaseAddr = TestEnclave.DefaultBase + 0x1000 } },
        { "ATTRIBUTES", secs => secs with { Attributes = secs.Attributes with { Flags = secs.Attributes.Flags | AttributeFlags.Init } } },
        { "ATTRIBUTES", secs => secs with { Attributes = secs.Attributes with { Flags = secs.Attributes.Flags | AttributeFlags.Cet } } },
        { "ATTRIBUTES",
            secs => secs with { Attributes = secs.Attributes with { Flags = secs.Attributes.Flags | (AttributeFlags)(1UL << 63) } } },
        { "reserved", secs => { secs.Reserved1[14] = 1; return secs; } },
        { "reserved", secs => { secs.Reserved2[0] = 1; return secs; } },
        { "reserved", secs => { secs.Reserved3[31] = 1; return secs; } },
        { "reserved", secs => { secs.Reserved4[3833] = 1; return secs; } },
        { "CONFIGID", secs => { secs.Configid[0] = 1; return secs; } },
        { "CONFIGID", secs => secs with { Configsvn = 1 } },
    };

    // Intel DCAP, pull request 123: a processor that says 2^36 takes an enclave of 64 GiB.
    [Theory]
    [InlineData(true, null, 56)]
    [InlineData(false, null, 36)]
    [InlineData(true, 37, 37)]
    public void The_largest_size_is_the_one_that_cpuid_tells(bool sgx2, int? chosen, int largest)
    {
        var options = new MachineOptions { Sgx2 = sgx2 };
        options = chosen is { } bits ? options with { MaximumEnclaveSize64 = (byte)bits } : options;
        Assert.Equal(largest, options.Capabilities.MaximumEnclaveSize64);
        var machine = new SgxMachine(options, new ArrayEpcMemory(2));
        Expect.GeneralProtection(Ecreate.Execute(machine, World.Bytes(TestEnclave.LegalSecs() with { BaseAddr = 0, Size = 2UL << largest }),
            default, new EpcPage(0)));
        Expect.Success(Ecreate.Execute(machine, World.Bytes(TestEnclave.LegalSecs() with { BaseAddr = 0, Size = 1UL << largest }), default,
            new EpcPage(0)));
    }

    [Fact]
    public void The_largest_size_of_32_bit_enclaves_is_its_own()
    {
        Secs Of(ulong size)
        {
            Secs secs = TestEnclave.LegalSecs();
            return secs with { BaseAddr = 0, Size = size, Attributes = secs.Attributes with { Flags = AttributeFlags.None } };
        }

        Expect.GeneralProtection(Create(Of(1UL << 32)));
        Expect.Success(Create(Of(1UL << 31)));
    }

    [Theory]
    [MemberData(nameof(IllegalFields))]
    public void An_illegal_field_is_refused_and_named(string field, Func<Secs, Secs> change)
    {
        var observer = new RecordingObserver();
        world.Machine.Observer = observer;
        Expect.GeneralProtection(Create(change(TestEnclave.LegalSecs())));
        Assert.Matches($"^Ecreate refused: {System.Text.RegularExpressions.Regex.Escape(field)}: expected .+, found .+$",
            Assert.Single(observer.Heard, heard => heard.Contains("refused", StringComparison.Ordinal)));
        Assert.False(world.Epcm(new EpcPage(0)).Valid);
    }

    [Fact]
    public void A_refusal_tells_what_was_expected_and_found()
    {
        var observer = new RecordingObserver();
        world.Machine.Observer = observer;
        Expect.GeneralProtection(Create(TestEnclave.LegalSecs() with { Size = 0x3000 }));
        Expect.GeneralProtection(Create(TestEnclave.LegalSecs() with { SsaFrameSize = 0 }));
        Assert.Contains("Ecreate refused: SIZE: expected a power of two from 2000 to 100000000000000, found 3000", observer.Heard);
        Assert.Contains("Ecreate refused: SSAFRAMESIZE: expected 1 or more, found 0", observer.Heard);
    }

    [Fact]
    public void The_frame_must_hold_the_xsave_area_misc_and_the_registers()
    {
        // 576 + 2048 bytes of one component, 16 of EXINFO and 184 of GPRSGX do not fit into a page, those without EXINFO do.
        var xsave = new XsaveLayout([(2, 576, 4096 - 576 - 184)]);
        var tight = new World(new MachineOptions { Xsave = xsave });
        Secs secs = TestEnclave.LegalSecs();
        Expect.GeneralProtection(Ecreate.Execute(tight.Machine, World.Bytes(secs), default, new EpcPage(0)));
        secs.Miscselect = Miscselect.None;
        Expect.Success(Ecreate.Execute(tight.Machine, World.Bytes(secs), default, new EpcPage(0)));
    }

    [Fact]
    public void A_component_that_enclaves_may_not_have_is_refused()
    {
        var narrow = new World(new MachineOptions { XfrmMask = 3 });
        Secs secs = TestEnclave.LegalSecs();
        Expect.GeneralProtection(Ecreate.Execute(narrow.Machine, World.Bytes(secs), default, new EpcPage(0)));
        secs.Attributes = secs.Attributes with { Xfrm = 3 };
        Expect.Success(Ecreate.Execute(narrow.Machine, World.Bytes(secs), default, new EpcPage(0)));
    }

    [Fact]
    public void Kss_allows_a_configuration()
    {
        Secs secs = TestEnclave.LegalSecs();
        secs.Attributes = secs.Attributes with { Flags = secs.Attributes.Flags | AttributeFlags.Kss };
        secs.Configsvn = 5;
        Expect.Success(Create(secs));
    }

    [Fact]
    public void The_secs_is_in_the_page_and_the_page_is_a_secs()
    {
        Secs secs = TestEnclave.LegalSecs() with { Isvsvn = 9, Isvprodid = 9 };
        Expect.Success(Create(secs));
        ref readonly EpcmEntry entry = ref world.Epcm(new EpcPage(0));
        Assert.True(entry is { Valid: true, PageType: PageType.Secs, R: false, W: false, X: false, Pending: false, Blocked: false });
        ref Secs made = ref world.Machine.SecsOf(new EpcPage(0));
        Assert.Equal((TestEnclave.Size, TestEnclave.DefaultBase, 0, 0), (made.Size, made.BaseAddr, made.Isvsvn, made.Isvprodid));
        Assert.Equal(1, world.Machine.ValidPages);
    }

    [Fact]
    public void Every_enclave_has_an_eid_of_its_own()
    {
        Expect.Success(Create(TestEnclave.LegalSecs(), page: 0));
        Expect.Success(Create(TestEnclave.LegalSecs(), page: 1));
        Assert.NotEqual(world.Machine.EnclaveOf(new EpcPage(0)).Eid, world.Machine.EnclaveOf(new EpcPage(1)).Eid);
    }
}
