using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Processor.Enclu;
using Cloister.Processor.Keys;

namespace Cloister.Attestation.Certificates;

/// <summary>
/// The provisioning certification key, made of the PCE's provisioning key alone as the PCE makes it. linux-sgx, psw/ae/pce/pce_helper.cpp:
/// three CMACs over a counter and a label, of which the first 320 bits modulo n-1 plus 1 are the private key (FIPS 186-4, B.4.1, with 64
/// extra bits).
/// </summary>
public static class PckKey
{
    private const int HashLength = 40;

    // SP 800-108: counter, label, zero, and the length in bits, 320.
    private static ReadOnlySpan<byte> Label => "PAK_KEY_DER"u8;

    /// <summary>The private key.</summary>
    /// <param name="pce">The PCE: its provisioning key is that of its MRSIGNER, ISVPRODID and attributes.</param>
    /// <param name="cpusvn">CPUSVN, 16 bytes.</param>
    /// <param name="pcesvn">ISVSVN of the PCE.</param>
    public static ECDsa Derive(SoftwareEnclave pce, ReadOnlySpan<byte> cpusvn, ushort pcesvn)
    {
        byte[] blocks = new byte[3 * Cmac.Size], key = Provision(pce, cpusvn, pcesvn);
        Span<byte> message = stackalloc byte[Cmac.Size];
        for (int i = 0; i < 3; i++)
        {
            message.Clear();
            message[0] = (byte)(i + 1);
            Label.CopyTo(message[1..]);
            message[14] = 0x01;
            message[15] = 0x40;
            Cmac.Compute(key, message, blocks.AsSpan(i * Cmac.Size, Cmac.Size));
        }

        return Signatures.PrivateOf(blocks.AsSpan(0, HashLength));
    }

    /// <summary>PPID: the CMAC of 16 zero bytes with the oldest provisioning key.</summary>
    public static byte[] Ppid(SoftwareEnclave pce)
    {
        byte[] ppid = new byte[Cmac.Size];
        Cmac.Compute(Provision(pce, new byte[16], 0), new byte[16], ppid);
        return ppid;
    }

    private static byte[] Provision(SoftwareEnclave pce, ReadOnlySpan<byte> cpusvn, ushort isvsvn)
    {
        ArgumentNullException.ThrowIfNull(pce);
        Keyrequest request = new()
        {
            Keyname = KeyName.Provision,
            Isvsvn = isvsvn,
            Attributemask = new Attributes(~AttributeFlags.Mode64Bit, 0),
            Miscmask = (Miscselect)uint.MaxValue,
        };
        cpusvn.CopyTo(request.Cpusvn);
        byte[] key = new byte[Cmac.Size];
        SgxError error = pce.Key(request, key);
        return error == SgxError.Success ? key : throw new InvalidOperationException($"the PCE's provisioning key: {error}");
    }
}
