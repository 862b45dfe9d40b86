using Cloister.Architecture;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, EGETKEY, TMP_KEYDEPENDENCIES: what each key depends on, and what it does not.</summary>
public partial class EgetkeyTests
{
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
    public void A_sealing_key_depends_on_an_identity_by_policy_only(string what, Keypolicy policy, Func<Secs, Secs>? change,
        Func<Sigstruct, Sigstruct>? changeSigstruct)
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
        TestEnclave production =
            Build(other, secs => secs with { Attributes = secs.Attributes with { Flags = secs.Attributes.Flags & ~AttributeFlags.Debug } });
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
}
