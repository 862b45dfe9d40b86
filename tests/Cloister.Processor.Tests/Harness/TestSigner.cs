using System.Collections.Concurrent;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;

namespace Cloister.Processor.Tests.Harness;

/// <summary>Signs SIGSTRUCTs with an RSA-3072 key of exponent 3 that was made for these tests and protects nothing.</summary>
internal static class TestSigner
{
    private static readonly BigInteger Modulus = Parse(
        "d17d6f0231ee628a02b72807c158a1e2fcd806e04715d86fe8c566db6256d71fc93687f993ad541f3e4099bee4dd542fa5531a10b96c453a" +
        "04fcf45d54811318f93be7fb6f29cb5acd6d2c073e9a909a2bf356a8b5693d0eb80ea5537ecf683ff69ec93cae262b3ed73d372924dcd077" +
        "861903ab9186051b40db8b9f537c2c1e15965c4833c043229d9c794fe38e0ac3f6958e6396eaf9fd39efdc9632ccec259f3c81b1faf9de86" +
        "5d6d71e3b1d518ec6f7f9a29597764d6320e222597db156eff2dde8361a2e3cd983c50bc0d4d6e13b26f70d1c834afba25788f60e5b1f078" +
        "3ec1cc387b24a2cbdff33032992a7f9063cdf191c754ea0b30731f277a393680efc4b8bd133a6a38aafeaa9571f2a464314220c874ee4fec" +
        "8e719cedb1a843385f02cee3d3c87c6f00b0f25069b6b8051202dc1c62f2f12b18e3e68243d6a7f584eaaeefa27f04e18e7edc8bab91a4be" +
        "29e5c64e50dbb6493e2860b6dad1629fa5d57067fe5edeb71ca70457e21256fb2cf5208dfe37db9915102e204027475f");

    private static readonly BigInteger PrivateExponent = Parse(
        "8ba8f4ac21499706ac7a1aafd63b1697533aaf402f63e59ff08399e796e48f6a86245aa662738d6a2980667f433e381fc38cbc0b26482e26" +
        "adfdf83e38560cbb50d29aa79f71323c88f372af7f11b5bc1d4ce47078f0d35f255f18e2548a457ff9bf30d31ec41cd48f7e24c6189335a5" +
        "0410ad1d0baeae122b3d07bf8cfd72beb90ee83022802cc1be6850dfed095c82a463b442649ca6a8d14a930ecc889d6e6a285676a7513f04" +
        "3e48f697cbe365f2f4ffbc1b90fa433976b416c3ba920e48ca4151071b7e5afd1c5754c5197f37f00c38fa683ba5fd667372d24ab84331f2" +
        "c0c124a6c12817e88cea25fa3894e7f7468af5f6802e3a593913d9ae1267749c3a3032de70540d2130fdbed5c3e5effe23ca1117566d979a" +
        "b3b0e89b2d1aa27275d3d1098fc69f4fa6850c95eb19077b550ac69bb74cb791cd46e7a0bd3677252dc776a229920103e8caa31e749e27a5" +
        "615a366896273b9ccc1490cdb7c012b2d4716496c2dbc70ba78c3b4dc75e373083ce5c0ce38452260526e348172e369b");

    // Most tests build the same enclave, and signing is the slowest thing they do.
    private static readonly ConcurrentDictionary<BigInteger, BigInteger> Signatures = new();

    public static byte[] Mrsigner { get; } = SHA256.HashData(LittleEndian(Modulus));

    public static byte[] Sign(Sigstruct sigstruct)
    {
        Sigstruct.ExpectedHeader.CopyTo(sigstruct.Header);
        Sigstruct.ExpectedHeader2.CopyTo(sigstruct.Header2);
        sigstruct.Exponent = 3;
        return Resign(sigstruct);
    }

    /// <summary>Signs whatever the constants are, with the padding changed by the caller.</summary>
    public static byte[] Resign(Sigstruct sigstruct, Action<byte[]>? changePadding = null)
    {
        LittleEndian(Modulus).CopyTo(sigstruct.Modulus);
        byte[] bytes = new byte[Sigstruct.SizeInBytes];
        MemoryMarshal.Write(bytes, in sigstruct);
        BigInteger signature =
            Signatures.GetOrAdd(Pad(bytes, changePadding), message => BigInteger.ModPow(message, PrivateExponent, Modulus));
        (BigInteger q1, BigInteger q2) = SigstructVerifier.Quotients(signature, Modulus);
        LittleEndian(signature).CopyTo(sigstruct.Signature);
        LittleEndian(q1).CopyTo(sigstruct.Q1);
        LittleEndian(q2).CopyTo(sigstruct.Q2);
        MemoryMarshal.Write(bytes, in sigstruct);
        return bytes;
    }

    public static byte[] LittleEndian(BigInteger number)
    {
        byte[] bytes = new byte[384];
        number.TryWriteBytes(bytes, out _, isUnsigned: true);
        return bytes;
    }

    // RFC 8017, 9.2.
    private static BigInteger Pad(byte[] sigstruct, Action<byte[]>? change)
    {
        byte[] message = new byte[384];
        message.AsSpan().Fill(0xff);
        (message[0], message[1], message[384 - 52]) = (0, 1, 0);
        Convert.FromHexString("3031300d060960864801650304020105000420").CopyTo(message, 384 - 51);
        SigstructVerifier.SignedDigest(sigstruct, message.AsSpan(384 - 32));
        change?.Invoke(message);
        return new BigInteger(message, isUnsigned: true, isBigEndian: true);
    }

    private static BigInteger Parse(string hexadecimal)
        => BigInteger.Parse("0" + hexadecimal, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
