using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Keys;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Encls;

/// <summary>SDM 3D, EINIT, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Encls.Einit))]
public class EinitTests
{
    private const AttributeFlags Usual = AttributeFlags.Mode64Bit | AttributeFlags.Debug;
    private readonly World world = new();
    private readonly RecordingObserver observer = new();

    public EinitTests() => world.Machine.Observer = observer;

    private LeafResult Init(byte[] sigstruct, EpcPage secs, byte[]? token = null)
        => Einit.Execute(world.Machine, sigstruct, token ?? new byte[304], secs);

    [Fact]
    public void A_secs_outside_the_epc_faults_before_the_sigstruct_is_looked_at()
        => Expect.PageFault(Init(new byte[1808], new EpcPage(64)));

    [Theory]
    [InlineData(0, "Header")]
    [InlineData(16, "Vendor")]
    [InlineData(24, "Header2")]
    [InlineData(44, "Reserved")]
    [InlineData(127, "Reserved")]
    [InlineData(512, "Exponent")]
    [InlineData(908, "Reserved")]
    [InlineData(909, "Reserved")]
    [InlineData(910, "Reserved")]
    [InlineData(992, "Reserved")]
    [InlineData(1028, "Reserved")]
    public void A_wrong_constant_or_reserved_byte_is_an_invalid_sigstruct(int offset, string defect)
    {
        var enclave = new TestEnclave(world);
        byte[] sigstruct = TestSigner.Sign(enclave.LegalSigstruct());
        sigstruct[offset] ^= 1;
        Expect.Error(SgxError.InvalidSigStruct, Init(sigstruct, enclave.Secs));
        Assert.Contains(observer.Heard, line => line.Contains($"SIGSTRUCT {defect}", StringComparison.Ordinal));
    }

    [Fact]
    public void Intels_vendor_is_legal()
    {
        var enclave = new TestEnclave(world);
        Expect.Success(enclave.Init(sigstruct => sigstruct with { Vendor = 0x8086 }));
    }

    [Theory]
    [InlineData(40, "Digest")]
    [InlineData(900, "Digest")]
    [InlineData(1027, "Digest")]
    [InlineData(816, "Q1")]
    [InlineData(1040, "Q1")]
    [InlineData(1424, "Q2")]
    public void A_wrong_signature_is_refused(int offset, string defect)
    {
        var enclave = new TestEnclave(world);
        byte[] sigstruct = TestSigner.Sign(enclave.LegalSigstruct());
        sigstruct[offset] ^= 1;
        Expect.Error(SgxError.InvalidSignature, Init(sigstruct, enclave.Secs));
        Assert.Contains(observer.Heard, line => line.Contains($"SIGSTRUCT {defect}", StringComparison.Ordinal));
    }

    [Fact]
    public void A_page_that_is_not_a_secs_faults_after_the_signature()
    {
        var enclave = new TestEnclave(world);
        enclave.AddPages();
        byte[] sigstruct = TestSigner.Sign(enclave.LegalSigstruct());
        Expect.PageFault(Init(sigstruct, enclave.Code));
        Expect.PageFault(Init(sigstruct, new EpcPage(60)));
        sigstruct[40] ^= 1;
        Expect.Error(SgxError.InvalidSignature, Init(sigstruct, enclave.Code));
    }

    [Fact]
    public void A_family_needs_kss()
    {
        var enclave = new TestEnclave(world);
        Expect.Error(SgxError.InvalidSigStruct, enclave.Init(WithFamily));
        Assert.Contains(observer.Heard, line => line.Contains("ISVFAMILYID", StringComparison.Ordinal));

        var kss = new TestEnclave(world, secs => secs with { Attributes = new Attributes(Usual | AttributeFlags.Kss, 3) });
        Expect.Success(kss.Init(WithFamily));

        static Sigstruct WithFamily(Sigstruct sigstruct)
        {
            sigstruct.Isvfamilyid[3] = 1;
            return sigstruct;
        }
    }

    [Fact]
    public void An_initialised_enclave_is_refused()
    {
        TestEnclave enclave = TestEnclave.Built(world);
        byte[] sigstruct = TestSigner.Sign(default);
        Expect.GeneralProtection(Init(sigstruct, enclave.Secs));
    }

    [Fact]
    public void Another_measurement_is_refused_and_explained()
    {
        var enclave = new TestEnclave(world);
        Sigstruct sigstruct = enclave.LegalSigstruct();
        enclave.Add(0, SecinfoFlags.Reg | SecinfoFlags.R);
        Expect.Error(SgxError.InvalidMeasurement, Init(TestSigner.Sign(sigstruct), enclave.Secs));
        string expected = Convert.ToHexStringLower(sigstruct.Enclavehash);
        Sigstruct grown = enclave.LegalSigstruct();
        string found = Convert.ToHexStringLower(grown.Enclavehash);
        Assert.Contains($"Einit refused: MRENCLAVE: expected {expected}, found {found}", observer.Heard);
    }

    [Fact]
    public void Each_part_of_the_measurement_counts()
    {
        var enclave = new TestEnclave(world);
        Sigstruct sigstruct = enclave.LegalSigstruct();
        sigstruct.Enclavehash[31] ^= 0x80;
        Expect.Error(SgxError.InvalidMeasurement, Init(TestSigner.Sign(sigstruct), enclave.Secs));
        Expect.Success(enclave.Init());
    }

    [Fact]
    public void A_controlled_attribute_needs_the_authorised_signer()
    {
        var enclave = new TestEnclave(world, secs => secs with { Attributes = new Attributes(Usual | AttributeFlags.EinittokenKey, 3) });
        world.Machine.LaunchControlHash = new byte[32];
        Expect.Error(SgxError.InvalidAttribute, enclave.Init());
        world.Machine.LaunchControlHash = TestSigner.Mrsigner;
        Expect.Success(enclave.Init());
    }

    [Fact]
    public void Attributes_must_match_under_the_mask_and_only_there()
    {
        var enclave = new TestEnclave(world);
        Expect.Error(SgxError.InvalidAttribute,
            enclave.Init(sigstruct => sigstruct with { Attributes = new Attributes(AttributeFlags.Mode64Bit, 7) }));
        Expect.Error(SgxError.InvalidAttribute, enclave.Init(sigstruct => sigstruct with { Attributes = new Attributes(Usual, 3) }));
        Assert.Contains("Einit refused: ATTRIBUTES: expected 0000000000000006:0000000000000003, found 0000000000000006:0000000000000007",
            observer.Heard);
        Expect.Success(enclave.Init(sigstruct => sigstruct with
        {
            Attributes = new Attributes(AttributeFlags.Mode64Bit, 3),
            Attributemask = new Attributes(~AttributeFlags.Debug, 3),
        }));
    }

    [Fact]
    public void Miscselect_must_match_under_the_mask_and_only_there()
    {
        var enclave = new TestEnclave(world);
        Expect.Error(SgxError.InvalidAttribute, enclave.Init(sigstruct => sigstruct with { Miscselect = Miscselect.None }));
        Assert.Contains("Einit refused: MISCSELECT: expected 00000000, found 00000001", observer.Heard);
        Expect.Success(enclave.Init(sigstruct => sigstruct with { Miscselect = Miscselect.None, Miscmask = Miscselect.None }));
    }

    [Fact]
    public void Without_a_token_the_signer_must_be_the_one_in_the_registers()
    {
        var enclave = new TestEnclave(world);
        world.Machine.LaunchControlHash = new byte[32];
        Expect.Error(SgxError.InvalidEinittoken, enclave.Init());
        Assert.Contains($"Einit refused: MRSIGNER: expected {new string('0', 64)}, found {Convert.ToHexStringLower(TestSigner.Mrsigner)}",
            observer.Heard);
        world.Machine.LaunchControlHash = TestSigner.Mrsigner;
        Expect.Success(enclave.Init());
    }

    [Fact]
    public void A_token_of_this_machine_lets_another_signer_in()
    {
        var enclave = new TestEnclave(world);
        byte[] launcher = [.. Enumerable.Repeat((byte)0x42, 32)];
        world.Machine.LaunchControlHash = launcher;
        Expect.Success(enclave.Init(token: World.Bytes(Token(enclave))));
    }

    public static TheoryData<SgxError, Func<Einittoken, Einittoken>> WrongTokens => new()
    {
        { SgxError.InvalidEinittoken, token => token with { Valid = 3 } },
        { SgxError.InvalidEinittoken, token => { token.Reserved1[0] = 1; return token; } },
        { SgxError.InvalidEinittoken, token => { token.Reserved2[0] = 1; return token; } },
        { SgxError.InvalidEinittoken, token => { token.Reserved3[0] = 1; return token; } },
        { SgxError.InvalidEinittoken, token => { token.Reserved4[0] = 1; return token; } },
        { SgxError.InvalidEinittoken, token => token with { CetMaskedAttributesLe = 1 } },
        { SgxError.InvalidCpusvn, token => { token.Cpusvnle[0] = 9; return token; } },
        { SgxError.InvalidEinittoken, token => token with { Isvsvnle = 1 } },
        { SgxError.InvalidEinittoken, token => token with { Isvprodidle = 1 } },
        { SgxError.InvalidEinittoken, token => { token.Keyid[0] ^= 1; return token; } },
        { SgxError.InvalidEinittoken, token => { token.Mac[0] ^= 1; return token; } },
        { SgxError.InvalidEinittoken, token => { token.Mrenclave[0] ^= 1; return token; } },
    };

    [Theory]
    [MemberData(nameof(WrongTokens))]
    public void A_wrong_token_is_refused(SgxError error, Func<Einittoken, Einittoken> change)
    {
        var enclave = new TestEnclave(world);
        Expect.Error(error, enclave.Init(token: World.Bytes(change(Token(enclave)))));
    }

    public static TheoryData<string, Func<Einittoken, Einittoken>> ReservedOfTokens => new()
    {
        { "VALID", token => token with { Valid = 3 } },
        { "byte 4", token => { token.Reserved1[0] = 1; return token; } },
        { "byte 96", token => { token.Reserved2[0] = 1; return token; } },
        { "byte 160", token => { token.Reserved3[0] = 1; return token; } },
        { "byte 213", token => { token.Reserved4[0] = 1; return token; } },
        { "byte 212", token => token with { CetMaskedAttributesLe = 1 } },
    };

    [Theory]
    [MemberData(nameof(ReservedOfTokens))]
    public void A_genuine_token_with_a_reserved_bit_is_refused(string what, Func<Einittoken, Einittoken> change)
    {
        Assert.NotEmpty(what);
        var enclave = new TestEnclave(world);
        Expect.Error(SgxError.InvalidEinittoken, enclave.Init(token: World.Bytes(Token(enclave, change))));
        Assert.Contains("Einit refused: EINITTOKEN reserved: expected 0, found not 0", observer.Heard);
    }

    [Fact]
    public void A_debug_launch_enclave_cannot_launch_a_production_enclave()
    {
        var enclave = new TestEnclave(world, secs => secs with { Attributes = new Attributes(AttributeFlags.Mode64Bit, 3) });
        Einittoken token = Token(enclave, token => token with { Maskedattributesle = new Attributes(AttributeFlags.Debug, 0) });
        Expect.Error(SgxError.InvalidEinittoken, enclave.Init(token: World.Bytes(token)));
    }

    [Fact]
    public void A_genuine_token_for_another_enclave_or_signer_or_attributes_is_refused()
    {
        var enclave = new TestEnclave(world);
        Einittoken measured = Token(enclave, token => { token.Mrenclave[0] ^= 1; return token; });
        Expect.Error(SgxError.InvalidMeasurement, enclave.Init(token: World.Bytes(measured)));
        Einittoken signed = Token(enclave, token => { token.Mrsigner[0] ^= 1; return token; });
        Expect.Error(SgxError.InvalidMeasurement, enclave.Init(token: World.Bytes(signed)));
        Einittoken attributed = Token(enclave, token => token with { Attributes = new Attributes(AttributeFlags.Mode64Bit, 7) });
        Expect.Error(SgxError.InvalidAttribute, enclave.Init(token: World.Bytes(attributed)));
    }

    [Fact]
    public void The_secs_gets_its_identity_and_refused_attempts_leave_it_alone()
    {
        var enclave = new TestEnclave(world);
        byte[] before = world.Machine.Memory[enclave.Secs].ToArray();
        Expect.Error(SgxError.InvalidAttribute, enclave.Init(sigstruct => sigstruct with { Miscselect = Miscselect.None }));
        Assert.Equal(before, world.Machine.Memory[enclave.Secs].ToArray());
        byte[] measured = new byte[32];
        world.Machine.EnclaveOf(enclave.Secs).Measurement!.Digest(measured);
        Expect.Success(enclave.Init());
        ref Secs secs = ref world.Machine.SecsOf(enclave.Secs);
        Assert.Equal(measured, ((ReadOnlySpan<byte>)secs.Mrenclave).ToArray());
        Assert.Equal(TestSigner.Mrsigner, ((ReadOnlySpan<byte>)secs.Mrsigner).ToArray());
        Assert.Equal((7, 3, Usual | AttributeFlags.Init), (secs.Isvprodid, secs.Isvsvn, secs.Attributes.Flags));
    }

    /// <summary>What a launch enclave with the key of this machine would give.</summary>
    private Einittoken Token(TestEnclave enclave, Func<Einittoken, Einittoken>? change = null)
    {
        Einittoken token = new() { Valid = 1, Attributes = world.Machine.SecsOf(enclave.Secs).Attributes };
        world.Machine.EnclaveOf(enclave.Secs).Measurement!.Digest(token.Mrenclave);
        TestSigner.Mrsigner.CopyTo(token.Mrsigner);
        token = change?.Invoke(token) ?? token;
        KeyDependencies dependencies = new()
        {
            Keyname = KeyName.Einittoken,
            Ownerepoch = world.Machine.Keys.Ownerepoch,
            SealKeyFuses = world.Machine.Keys.SealKeyFuses,
            Attributes = token.Maskedattributesle,
        };
        world.Machine.LaunchControlHash.CopyTo(dependencies.Mrsigner);
        byte[] key = new byte[16];
        world.Machine.Keys.DeriveKey(dependencies, key);
        Cmac.Compute(key, MemoryMarshal.AsBytes(new ReadOnlySpan<Einittoken>(in token))[..192], token.Mac);
        return token;
    }
}
