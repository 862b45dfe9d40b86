using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, EADD, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Encls.Eadd))]
public class EaddTests
{
    private const SecinfoFlags Regular = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public EaddTests() => enclave = new TestEnclave(world);

    private LeafResult Add(SecinfoFlags flags, ulong offset = 0, int page = 40, int? secs = null, byte[]? content = null)
        => Eadd.Execute(world.Machine, new EpcPage(secs ?? enclave.Secs.Index), enclave.Base + offset, new Secinfo(flags), content
            ?? new byte[4096], new EpcPage(page));

    [Fact]
    public void A_page_outside_the_epc_faults() => Expect.PageFault(Add(Regular, page: 64));

    [Fact]
    public void An_address_that_is_not_a_page_is_refused() => Expect.GeneralProtection(Add(Regular, offset: 0x10));

    [Fact]
    public void A_secs_outside_the_epc_faults_before_the_secinfo_is_looked_at()
    {
        Expect.PageFault(Add(Regular, secs: 64));
        Expect.PageFault(Add(SecinfoFlags.Va, secs: 64));
    }

    [Theory]
    [InlineData(SecinfoFlags.None)]
    [InlineData(SecinfoFlags.Va)]
    [InlineData(SecinfoFlags.Trim)]
    [InlineData(SecinfoFlags.SsFirst | SecinfoFlags.R | SecinfoFlags.W)]
    [InlineData(SecinfoFlags.SsRest | SecinfoFlags.R | SecinfoFlags.W)]
    [InlineData(Regular | (SecinfoFlags)0x40)]
    [InlineData(Regular | (SecinfoFlags)0x80)]
    [InlineData(Regular | (SecinfoFlags)0x10000)]
    public void A_type_other_than_reg_and_tcs_or_a_reserved_flag_is_refused(SecinfoFlags flags)
        => Expect.GeneralProtection(Add(flags));

    [Fact]
    public void A_valid_page_faults()
    {
        Expect.Success(Add(Regular));
        Expect.PageFault(Add(Regular, offset: 0x1000));
    }

    [Fact]
    public void A_secs_that_is_not_valid_or_not_a_secs_faults()
    {
        Expect.PageFault(Add(Regular, secs: 50));
        Expect.Success(Add(Regular, page: 41));
        Expect.PageFault(Add(Regular, secs: 41));
    }

    [Theory]
    [InlineData(72)]
    [InlineData(80)]
    [InlineData(88)]
    [InlineData(4095)]
    public void A_tcs_with_a_reserved_byte_is_refused(int offset)
    {
        byte[] tcs = World.Bytes(TestEnclave.LegalTcs());
        tcs[offset] = 1;
        Expect.GeneralProtection(Add(SecinfoFlags.Tcs, content: tcs));
    }

    [Fact]
    public void A_tcs_with_a_reserved_flag_is_refused()
        => Expect.GeneralProtection(Add(SecinfoFlags.Tcs, content: World.Bytes(TestEnclave.LegalTcs() with { Flags = (TcsFlags)4 })));

    [Fact]
    public void An_observer_hears_which_byte_of_a_tcs_is_not_legal()
    {
        var observer = new RecordingObserver();
        world.Machine.Observer = observer;
        byte[] tcs = World.Bytes(TestEnclave.LegalTcs());
        tcs[0x123] = 0xab;
        Add(SecinfoFlags.Tcs, offset: 0x3000, content: tcs);
        Assert.Contains("Eadd refused: page 0x3000 (TCS), reserved, byte 0x123: expected 00, found ab", observer.Heard);
        Add(SecinfoFlags.Tcs, content: World.Bytes(TestEnclave.LegalTcs() with { Flags = (TcsFlags)0x10 }));
        Assert.Contains(observer.Heard,
            heard => heard.StartsWith("Eadd refused: page 0x0 (TCS), FLAGS, byte 0x8: expected bits within ", StringComparison.Ordinal)
                && heard.EndsWith("found 10", StringComparison.Ordinal));
    }

    [Fact]
    public void Outside_64_bit_mode_the_segment_limits_are_whole_pages()
    {
        var other = new World();
        var enclave32 = new TestEnclave(other,
            secs => secs with { BaseAddr = 0x100000, Attributes = new Attributes(AttributeFlags.None, 3) }, 0x100000);
        byte[] tcs = World.Bytes(TestEnclave.LegalTcs() with { Gslimit = 0xffe });
        Expect.GeneralProtection(
            Eadd.Execute(other.Machine, enclave32.Secs, enclave32.Base, new Secinfo(SecinfoFlags.Tcs), tcs, new EpcPage(9)));
        tcs = World.Bytes(TestEnclave.LegalTcs());
        Expect.Success(Eadd.Execute(other.Machine, enclave32.Secs, enclave32.Base, new Secinfo(SecinfoFlags.Tcs), tcs, new EpcPage(9)));
    }

    [Fact]
    public void Writable_without_readable_is_refused() => Expect.GeneralProtection(Add(SecinfoFlags.Reg | SecinfoFlags.W));

    [Theory]
    [InlineData(TestEnclave.Size)]
    [InlineData(ulong.MaxValue - 0xfff)]
    public void An_address_outside_the_enclave_is_refused(ulong offset) => Expect.GeneralProtection(Add(Regular, offset));

    [Fact]
    public void An_initialised_enclave_takes_no_more_pages()
    {
        Expect.Success(enclave.Init());
        Expect.GeneralProtection(Add(Regular));
    }

    [Fact]
    public void The_page_holds_the_source_and_belongs_to_the_enclave()
    {
        byte[] content = new byte[4096];
        Random.Shared.NextBytes(content);
        Expect.Success(Add(Regular, offset: 0x5000, content: content));
        ref readonly EpcmEntry entry = ref world.Epcm(new EpcPage(40));
        Assert.True(
            entry is { Valid: true, PageType: PageType.Reg, R: true, W: true, X: false, Pending: false, Modified: false, Pr: false, Blocked: false });
        Assert.Equal((enclave.Secs, enclave.Base + 0x5000), (entry.EnclaveSecs, entry.EnclaveAddress));
        Assert.Equal(content, world.Machine.Memory[new EpcPage(40)].ToArray());
        Assert.Equal(1, world.Machine.EnclaveOf(enclave.Secs).ChildCount);
    }

    [Fact]
    public void A_tcs_begins_idle_without_permissions()
    {
        Tcs tcs = TestEnclave.LegalTcs() with { Flags = TcsFlags.Dbgoptin, Cssa = 2, Aep = 5, State = 1 };
        Expect.Success(Add(SecinfoFlags.Tcs | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.X, content: World.Bytes(tcs)));
        Assert.Equal(SecinfoFlags.Tcs, world.Epcm(new EpcPage(40)).SecinfoFlags);
        ref Tcs made = ref world.Machine.TcsOf(new EpcPage(40));
        Assert.Equal((TcsFlags.None, 0u, 0ul, 0ul, TestEnclave.Entry), (made.Flags, made.Cssa, made.Aep, made.State, made.Oentry));
    }
}
