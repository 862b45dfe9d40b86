using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using FsCheck;
using FsCheck.Fluent;

namespace Cloister.Images.Tests.Verification;

public class SigstructDamageTests
{
    private const int ModulusOffset = 128, SignatureOffset = 516, KeySize = 384;

    private static readonly Lazy<byte[]> Good = new(() =>
    {
        Sigstruct signed = IntelElf.Signed(Convert.ToHexStringLower(SHA256.HashData("an enclave"u8)));
        return SigstructText.Bytes(in signed).ToArray();
    });

    [Fact]
    public void Any_changed_byte_of_what_is_signed_is_found()
    {
        Gen<(int At, byte Change)> changes =
            from at in Gen.OneOf(Gen.Choose(0, Sigstruct.HeaderEnd - 1), Gen.Choose(Sigstruct.BodyOffset, Sigstruct.BodyEnd - 1))
            from change in Gen.Choose(1, 255)
            select (at, (byte)change);
        Prop.ForAll(Arb.From(changes), change => Found(change.At, change.Change)).Check(Config.QuickThrowOnFailure.WithMaxTest(40));
    }

    [Fact]
    public void Any_changed_bit_of_the_key_or_the_signature_is_found()
    {
        Gen<(int At, byte Change)> changes =
            from start in Gen.Elements(ModulusOffset, SignatureOffset)
            from at in Gen.Choose(0, KeySize - 1)
            from bit in Gen.Choose(0, 7)
            select (start + at, (byte)(1 << bit));
        Prop.ForAll(Arb.From(changes), change => Found(change.At, change.Change)).Check(Config.QuickThrowOnFailure.WithMaxTest(20));
    }

    [Fact]
    public void What_is_right_or_damaged_more_than_once_names_no_field()
    {
        Assert.Null(Find(_ => { }));
        Assert.Null(Find(bytes => (bytes[960], bytes[1026]) = ((byte)~bytes[960], 9)));
        Assert.Null(Find(bytes => RandomNumberGenerator.Fill(bytes.AsSpan(SignatureOffset, KeySize - 1))));
        Assert.Null(Find(bytes => bytes.AsSpan(SignatureOffset, KeySize).Clear()));
        Assert.Null(Find(bytes => bytes.AsSpan(ModulusOffset, KeySize).Clear()));
    }

    private static void Found(int at, byte change)
    {
        SigstructDamage damage = Find(bytes => bytes[at] ^= change)!;
        Assert.Equal((at, Good.Value[at], (byte)(Good.Value[at] ^ change)), (damage.Offset, damage.Signed, damage.Found));
        Assert.Equal(SigstructText.FieldAt(at), damage.Field);
    }

    private static SigstructDamage? Find(Action<byte[]> damage)
    {
        byte[] bytes = (byte[])Good.Value.Clone();
        damage(bytes);
        return SigstructDamage.Find(MemoryMarshal.Read<Sigstruct>(bytes));
    }
}
