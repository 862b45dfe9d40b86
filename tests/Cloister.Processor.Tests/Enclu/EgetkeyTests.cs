using Cloister.Architecture;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, EGETKEY, in the order of its checks, and what each key depends on.</summary>
[TestsOf(typeof(Processor.Enclu.Egetkey))]
public class EgetkeyTests
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
    public void Every_name_gives_another_key()
    {
        var keys = Enum.GetValues<KeyName>().Select(name => Key(Request(name))).ToList();
        Assert.Equal(keys.Count, keys.Distinct().Count());
    }

    [Fact]
    public void Every_policy_gives_another_sealing_key()
    {
        var keys = Enumerable.Range(0, 64).Select(policy => Key(Request(policy: (Keypolicy)policy))).ToList();
        Assert.Equal(64, keys.Distinct().Count());
    }

    public static TheoryData<string, Keypolicy, Func<Secs, Secs>?, Func<Sigstruct, Sigstruct>?> Identities => new()
    {
        { "MRENCLAVE", Keypolicy.Mrenclave, secs => secs with { SsaFrameSize = 2 }, null },
        { "CONFIGID", Keypolicy.Configid, secs => { secs.Configid[63] = 9; return secs; }, null },
        { "ISVFAMILYID", Keypolicy.Isvfamilyid, null, sigstruct => { sigstruct.Isvfamilyid[15] = 9; return sigstruct; } },
        { "ISVEXTPRODID", Keypolicy.Isvextprodid, null, sigstruct => { sigstruct.Isvextprodid[15] = 9; return sigstruct; } },
    };

    [Theory]
    [MemberData(nameof(Identities))]
    public void A_sealing_key_depends_on_an_identity_by_policy_only(string what, Keypolicy policy, Func<Secs, Secs>? change, Func<Sigstruct, Sigstruct>? changeSigstruct)
    {
        Assert.NotEmpty(what);
        var other = new World();
        TestEnclave another = Build(other, change, changeSigstruct);
        another.Enter();
        const Keypolicy None = Keypolicy.NoIsvprodid;
        Assert.Equal(Key(Request(policy: None)), Key(other, another, Request(policy: None)));
        Assert.NotEqual(Key(Request(policy: None | policy)), Key(other, another, Request(policy: None | policy)));
    }

    [Fact]
    public void A_sealing_key_depends_on_the_product_unless_the_policy_says_no()
    {
        var other = new World();
        TestEnclave another = Build(other, changeSigstruct: sigstruct => sigstruct with { Isvprodid = 8 });
        another.Enter();
        Assert.NotEqual(Key(Request()), Key(other, another, Request()));
        const Keypolicy Without = Keypolicy.Mrsigner | Keypolicy.NoIsvprodid;
        Assert.Equal(Key(Request(policy: Without)), Key(other, another, Request(policy: Without)));
    }

    [Fact]
    public void Attributes_count_under_the_mask_and_debug_always()
    {
        var other = new World();
        TestEnclave production = Build(other, secs => secs with { Attributes = secs.Attributes with { Flags = secs.Attributes.Flags & ~AttributeFlags.Debug } });
        production.Enter();
        Keyrequest unmasked = Request() with { Attributemask = default };
        Assert.NotEqual(Key(unmasked), Key(other, production, unmasked));

        var third = new World();
        TestEnclave narrow = Build(third, secs => secs with { Attributes = secs.Attributes with { Xfrm = 3 } });
        narrow.Enter();
        Assert.Equal(Key(unmasked), Key(third, narrow, unmasked));
        Assert.NotEqual(Key(Request()), Key(third, narrow, Request()));
        Assert.NotEqual(Key(Request()), Key(unmasked));
    }

    [Fact]
    public void Keyid_miscmask_and_configsvn_count()
    {
        Keyrequest keyid = Request();
        keyid.Keyid[31] = 1;
        Assert.NotEqual(Key(Request()), Key(keyid));
        Assert.NotEqual(Key(Request()), Key(Request() with { Miscmask = Miscselect.None }));
        Keyrequest configured = Request(policy: Keypolicy.Configid);
        Assert.NotEqual(Key(configured), Key(configured with { Configsvn = 4 }));
    }

    [Theory]
    [InlineData(KeyName.Seal)]
    [InlineData(KeyName.Provision)]
    [InlineData(KeyName.ProvisionSeal)]
    [InlineData(KeyName.Einittoken)]
    public void A_key_depends_on_the_signer(KeyName name)
    {
        string before = Key(Request(name));
        world.Machine.SecsOf(enclave.Secs).Mrsigner[0] ^= 1;
        Assert.NotEqual(before, Key(Request(name)));
    }

    [Fact]
    public void A_sealing_key_does_not_depend_on_the_signer_when_the_policy_does_not_say_so()
    {
        string before = Key(Request(policy: Keypolicy.Mrenclave));
        world.Machine.SecsOf(enclave.Secs).Mrsigner[0] ^= 1;
        Assert.Equal(before, Key(Request(policy: Keypolicy.Mrenclave)));
    }

    [Theory]
    [InlineData(KeyName.Seal)]
    [InlineData(KeyName.Provision)]
    [InlineData(KeyName.ProvisionSeal)]
    public void The_masks_count_even_where_the_enclave_has_nothing_under_them(KeyName name)
    {
        Keyrequest narrow = Request(name) with { Attributemask = default, Miscmask = Miscselect.None };
        Keyrequest attributes = narrow with { Attributemask = new Attributes(AttributeFlags.AexNotify, 0) };
        Keyrequest misc = narrow with { Miscmask = Miscselect.Cpinfo };
        Assert.Equal(3, new[] { Key(narrow), Key(attributes), Key(misc) }.Distinct().Count());
    }

    [Fact]
    public void The_policy_counts_even_where_the_enclave_has_no_such_identity()
    {
        var other = new World();
        TestEnclave plain = TestEnclave.Built(other, secs => secs with { Attributes = new Attributes(Usual, 7) });
        plain.Enter();
        Assert.NotEqual(Key(other, plain, Request()), Key(other, plain, Request(policy: Keypolicy.Mrsigner | Keypolicy.Configid)));
    }

    [Theory]
    [InlineData(KeyName.Seal, true)]
    [InlineData(KeyName.Report, true)]
    [InlineData(KeyName.Einittoken, true)]
    [InlineData(KeyName.Provision, false)]
    [InlineData(KeyName.ProvisionSeal, false)]
    public void Keyid_counts_except_for_the_provisioning_keys(KeyName name, bool counts)
    {
        Keyrequest worn = Request(name);
        worn.Keyid[7] = 1;
        Assert.Equal(counts, Key(Request(name)) != Key(worn));
    }

    [Fact]
    public void A_restart_of_the_same_machine_gives_the_same_key_and_another_machine_another()
    {
        var same = new World();
        TestEnclave again = Build(same);
        again.Enter();
        Assert.Equal(Key(Request()), Key(same, again, Request()));
        byte[] root = new byte[32];
        root[31] = 1;
        var different = new World(new MachineOptions { RootKey = root });
        TestEnclave stranger = Build(different);
        stranger.Enter();
        foreach (KeyName name in Enum.GetValues<KeyName>())
        {
            Assert.NotEqual(Key(Request(name)), Key(different, stranger, Request(name)));
        }
    }

    [Fact]
    public void The_output_is_16_bytes()
    {
        world.Machine.Memory[enclave.MoreData].Fill(0xee);
        Expect.Success(Get(Request()));
        Assert.Equal(-1, world.Machine.Memory[enclave.MoreData][16..].IndexOfAnyExcept((byte)0xee));
    }
}
