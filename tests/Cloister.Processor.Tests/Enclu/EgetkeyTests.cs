using Cloister.Architecture;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, EGETKEY, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Enclu.Egetkey))]
public partial class EgetkeyTests
{
    private const AttributeFlags Usual = AttributeFlags.Mode64Bit | AttributeFlags.Debug | AttributeFlags.Kss;
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public EgetkeyTests()
    {
        enclave = Build(world);
        enclave.Enter();
    }

    private static TestEnclave Build(World world, Func<Secs, Secs>? change = null, Func<Sigstruct, Sigstruct>? changeSigstruct = null)
        => TestEnclave.Built(
            world,
            secs =>
            {
                secs.Attributes = new Attributes(Usual | AttributeFlags.ProvisionKey | AttributeFlags.EinittokenKey, 7);
                secs.Configid[5] = 5;
                secs.Configsvn = 4;
                return change?.Invoke(secs) ?? secs;
            },
            changeSigstruct: sigstruct =>
            {
                sigstruct.Isvfamilyid[0] = 1;
                sigstruct.Isvextprodid[0] = 2;
                return changeSigstruct?.Invoke(sigstruct) ?? sigstruct;
            });

    private static Keyrequest Request(KeyName name = KeyName.Seal, Keypolicy policy = Keypolicy.Mrsigner) => new()
    {
        Keyname = name,
        Keypolicy = policy,
        Isvsvn = 3,
        Attributemask = new Attributes((AttributeFlags)ulong.MaxValue, ulong.MaxValue),
        Miscmask = (Miscselect)uint.MaxValue,
    };

    private LeafResult Get(Keyrequest request) => Get(world, enclave, request);

    private static LeafResult Get(World world, TestEnclave enclave, Keyrequest request)
        => world.Enclu(EncluLeaf.Egetkey, enclave.Place(request).Value, enclave.MoreDataAddress.Value);

    private string Key(Keyrequest request) => Key(world, enclave, request);

    private static string Key(World world, TestEnclave enclave, Keyrequest request)
    {
        Expect.Success(Get(world, enclave, request));
        return Convert.ToHexStringLower(world.Machine.Memory[enclave.MoreData][..16]);
    }

    [Fact]
    public void The_request_must_be_aligned_inside_and_readable()
    {
        ulong output = enclave.MoreDataAddress.Value;
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Egetkey, enclave.DataAddress.Value + 256, output));
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Egetkey, enclave.Base.Value + TestEnclave.Size, output));
        LinearAddress nowhere = enclave.Base + 0xa000;
        Expect.PageFault(nowhere, World.AbsentRead, world.Enclu(EncluLeaf.Egetkey, nowhere.Value, output));
        Expect.PageFault(enclave.SecondTcsAddress, World.EpcmRead, world.Enclu(EncluLeaf.Egetkey, enclave.SecondTcsAddress.Value, output));
    }

    [Fact]
    public void The_output_must_be_aligned_inside_and_writable()
    {
        ulong request = enclave.Place(Request()).Value;
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Egetkey, request, enclave.MoreDataAddress.Value + 8));
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Egetkey, request, enclave.Base.Value - 16));
        LinearAddress nowhere = enclave.Base + 0xa000;
        Expect.PageFault(nowhere, World.AbsentWrite, world.Enclu(EncluLeaf.Egetkey, request, nowhere.Value));
        Expect.PageFault(enclave.Base, World.EpcmWrite, world.Enclu(EncluLeaf.Egetkey, request, enclave.Base.Value));
    }

    public static TheoryData<string, Func<Keyrequest, Keyrequest>> ReservedFields => new()
    {
        { "byte 7", request => request with { Reserved1 = 1 } },
        { "byte 78", request => { request.Reserved2[0] = 1; return request; } },
        { "byte 511", request => { request.Reserved2[433] = 1; return request; } },
        { "CET mask", request => request with { CetAttributesMask = 1 } },
        { "policy bit 6", request => request with { Keypolicy = (Keypolicy)0x40 } },
        { "policy bit 15", request => request with { Keypolicy = (Keypolicy)0x8000 } },
    };

    [Theory]
    [MemberData(nameof(ReservedFields))]
    public void A_reserved_field_is_refused(string what, Func<Keyrequest, Keyrequest> change)
    {
        Assert.NotEmpty(what);
        Expect.GeneralProtection(Get(change(Request())));
    }

    [Fact]
    public void The_newer_policies_need_kss()
    {
        var other = new World();
        TestEnclave plain = TestEnclave.Built(other);
        plain.Enter();
        Expect.GeneralProtection(Get(other, plain, Request() with { Configsvn = 1 }));
        foreach (Keypolicy policy in new[] { Keypolicy.NoIsvprodid, Keypolicy.Configid, Keypolicy.Isvfamilyid, Keypolicy.Isvextprodid })
        {
            Expect.GeneralProtection(Get(other, plain, Request(policy: policy)));
        }

        Expect.Success(Get(other, plain, Request()));
    }

    [Fact]
    public void An_unknown_name_is_told_by_code_and_the_flags()
    {
        Registers registers = world.Processor.Registers;
        registers.Rip = 0x100;
        registers.Rflags = 2 | 0x8d5;
        Expect.Error(SgxError.InvalidKeyname, Get(Request((KeyName)5)));
        Assert.Equal((256ul, 0x103ul, 2 | Registers.ZeroFlag), (registers.Rax, registers.Rip, registers.Rflags));
        Expect.Success(Get(Request()));
        Assert.Equal((0ul, 0x106ul, 2ul), (registers.Rax, registers.Rip, registers.Rflags));
    }

    [Theory]
    [InlineData(KeyName.Provision)]
    [InlineData(KeyName.ProvisionSeal)]
    [InlineData(KeyName.Einittoken)]
    public void Some_keys_need_an_attribute(KeyName name)
    {
        var other = new World();
        TestEnclave plain = TestEnclave.Built(other);
        plain.Enter();
        Expect.Error(SgxError.InvalidAttribute, Get(other, plain, Request(name)));
        Expect.Success(Get(Request(name)));
    }

    [Theory]
    [InlineData(KeyName.Seal)]
    [InlineData(KeyName.Provision)]
    [InlineData(KeyName.ProvisionSeal)]
    [InlineData(KeyName.Einittoken)]
    public void Versions_above_the_own_are_refused(KeyName name)
    {
        Keyrequest newer = Request(name) with { Isvsvn = 4 };
        Expect.Error(SgxError.InvalidIsvsvn, Get(newer));
        newer.Cpusvn[1] = 2;
        Expect.Error(SgxError.InvalidCpusvn, Get(newer));
        Assert.NotEqual(Key(Request(name)), Key(Request(name) with { Isvsvn = 2 }));
        Keyrequest current = Request(name);
        current.Cpusvn[0] = 1;
        Assert.NotEqual(Key(Request(name)), Key(current));
    }

    [Fact]
    public void A_configuration_version_above_the_own_is_refused_for_sealing()
        => Expect.Error(SgxError.InvalidIsvsvn, Get(Request(policy: Keypolicy.Configid) with { Configsvn = 5 }));

    [Fact]
    public void The_report_key_asks_for_no_version()
    {
        Keyrequest request = Request(KeyName.Report) with { Isvsvn = 99, Configsvn = 99 };
        request.Cpusvn[0] = 99;
        Assert.Equal(Key(Request(KeyName.Report)), Key(request));
    }

    [Fact]
    public void The_output_is_16_bytes()
    {
        world.Machine.Memory[enclave.MoreData].Fill(0xee);
        Expect.Success(Get(Request()));
        Assert.Equal(-1, world.Machine.Memory[enclave.MoreData][16..].IndexOfAnyExcept((byte)0xee));
    }
}
