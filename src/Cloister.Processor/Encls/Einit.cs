using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Processor.Keys;

namespace Cloister.Processor.Encls;

/// <summary>
/// ENCLS[EINIT]: verifies an enclave against its certificate and makes it enterable. SDM 3D, EINIT.
/// SGX_UNMASKED_EVENT does not occur: the leaf is not interruptible here.
/// </summary>
public static class Einit
{
    // SDM 3D, EINIT: CONTROLLED_ATTRIBUTES.
    private const AttributeFlags Controlled = AttributeFlags.EinittokenKey;

    /// <summary>Executes the leaf. Why it refuses goes to the observer.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="sigstruct">1808 bytes.</param>
    /// <param name="einittoken">304 bytes.</param>
    /// <param name="secs">The enclave.</param>
    public static LeafResult Execute(SgxMachine machine, ReadOnlySpan<byte> sigstruct, ReadOnlySpan<byte> einittoken, EpcPage secs)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return machine.Tell(EnclsLeaf.Einit, secs, default, machine.Injected(EnclsLeaf.Einit) ?? Run(machine, sigstruct, einittoken, secs));
    }

    private static LeafResult Run(SgxMachine machine, ReadOnlySpan<byte> sigstruct, ReadOnlySpan<byte> einittoken, EpcPage secs)
    {
        var call = new Operands(machine, secs, sigstruct);

        // SDM 3D, EINIT: DS:RCX does not resolve within an EPC.
        if (!machine.Epcm.Contains(secs))
        {
            return LeafResult.PageFault;
        }

        // SDM 3D, EINIT: the SIGSTRUCT's constants and reserved bytes, then its signature.
        if (SigstructVerifier.CheckFormat(sigstruct) is var format && format != SigstructDefect.None)
        {
            return call.Refuse(SgxError.InvalidSigStruct, $"SIGSTRUCT {format}", "valid", "not valid");
        }

        if (SigstructVerifier.CheckSignature(sigstruct) is var signature && signature != SigstructDefect.None)
        {
            return call.Refuse(SgxError.InvalidSignature, $"SIGSTRUCT {signature}", "valid", "not valid");
        }

        // SDM 3D, EINIT: EPCM(DS:RCX).VALID = 0 or PT is not PT_SECS.
        if (!machine.IsSecs(secs))
        {
            return LeafResult.PageFault;
        }

        ref Secs control = ref machine.SecsOf(secs);
        Sigstruct certificate = MemoryMarshal.Read<Sigstruct>(sigstruct);
        Einittoken token = MemoryMarshal.Read<Einittoken>(einittoken);

        // SDM 3D, EINIT: ISVFAMILYID needs KSS.
        if (!Zero.Is(certificate.Isvfamilyid) && !control.Attributes.Flags.HasFlag(AttributeFlags.Kss))
        {
            return call.Refuse(SgxError.InvalidSigStruct, "SIGSTRUCT.ISVFAMILYID without KSS", "0", Hex(certificate.Isvfamilyid));
        }

        // SDM 3D, EINIT, exceptions: the enclave is initialised already.
        EnclaveRecord enclave = machine.EnclaveOf(secs);
        if (enclave.Measurement is not { } measurement)
        {
            return LeafResult.GeneralProtection;
        }

        Bytes32 mrenclave = default;
        Bytes32 mrsigner = default;
        measurement.Digest(mrenclave);
        SigstructVerifier.Mrsigner(sigstruct, mrsigner);
        LeafResult result = Verify(call, certificate, token, einittoken, control, mrenclave, mrsigner);
        if (!result.IsSuccess)
        {
            return result;
        }

        control.Mrenclave = mrenclave;
        control.Mrsigner = mrsigner;
        control.Isvprodid = certificate.Isvprodid;
        control.Isvsvn = certificate.Isvsvn;
        control.Attributes = control.Attributes with { Flags = control.Attributes.Flags | AttributeFlags.Init };
        ref SecsExtension extension = ref machine.ExtensionOf(secs);
        extension.Isvfamilyid = certificate.Isvfamilyid;
        extension.Isvextprodid = certificate.Isvextprodid;
        enclave.Measurement = null;
        measurement.Dispose();
        return LeafResult.Success;
    }

    private static LeafResult Verify(Operands call, in Sigstruct certificate, in Einittoken token, ReadOnlySpan<byte> tokenBytes,
        in Secs control, in Bytes32 mrenclave, in Bytes32 mrsigner)
    {
        // SDM 3D, EINIT: SIGSTRUCT.ENCLAVEHASH.
        if (!((ReadOnlySpan<byte>)certificate.Enclavehash).SequenceEqual(mrenclave))
        {
            return call.Refuse(SgxError.InvalidMeasurement, "MRENCLAVE", Hex(certificate.Enclavehash), Hex(mrenclave));
        }

        // SDM 3D, EINIT: controlled attributes need an authorised signer.
        bool authorised = call.Machine.LaunchControlHash.SequenceEqual(mrsigner);
        if ((control.Attributes.Flags & Controlled) != 0 && !authorised)
        {
            return call.Refuse(SgxError.InvalidAttribute, "MRSIGNER for EINITTOKEN_KEY", Hex(call.Machine.LaunchControlHash),
                Hex(mrsigner));
        }

        // SDM 3D, EINIT: SIGSTRUCT.ATTRIBUTES under its mask.
        Attributes required = certificate.Attributes & certificate.Attributemask;
        Attributes found = control.Attributes & certificate.Attributemask;
        if (required != found)
        {
            return call.Refuse(SgxError.InvalidAttribute, "ATTRIBUTES", Hex(required), Hex(found));
        }

        // SDM 3D, EINIT: SIGSTRUCT.MISCSELECT under its mask.
        Miscselect requiredMisc = certificate.Miscselect & certificate.Miscmask;
        if (requiredMisc != (control.Miscselect & certificate.Miscmask))
        {
            return call.Refuse(SgxError.InvalidAttribute, "MISCSELECT", $"{(uint)requiredMisc:x8}",
                $"{(uint)(control.Miscselect & certificate.Miscmask):x8}");
        }

        // SDM 3D, EINIT: without a token the signer must be the one in IA32_SGXLEPUBKEYHASHn.
        if ((token.Valid & 1) == 0)
        {
            return authorised
                ? LeafResult.Success
                : call.Refuse(SgxError.InvalidEinittoken, "MRSIGNER", Hex(call.Machine.LaunchControlHash), Hex(mrsigner));
        }

        return VerifyToken(call, token, tokenBytes, control, mrenclave, mrsigner);
    }

    private static LeafResult VerifyToken(Operands call, in Einittoken token, ReadOnlySpan<byte> tokenBytes, in Secs control,
        in Bytes32 mrenclave, in Bytes32 mrsigner)
    {
        // SDM 3D, EINIT: a debug launch enclave cannot launch a production enclave.
        if (token.Maskedattributesle.Flags.HasFlag(AttributeFlags.Debug) && !control.Attributes.Flags.HasFlag(AttributeFlags.Debug))
        {
            return call.Refuse(SgxError.InvalidEinittoken, "EINITTOKEN.MASKEDATTRIBUTESLE.DEBUG", "0", "1");
        }

        // SDM 3D, EINIT: reserved space, with the upper bits of VALID; without CET its field too.
        bool reserved = token.Valid == 1 && Zero.Is(token.Reserved1) && Zero.Is(token.Reserved2) && Zero.Is(token.Reserved3)
            && Zero.Is(token.Reserved4) && token.CetMaskedAttributesLe == 0;
        if (!reserved)
        {
            return call.Refuse(SgxError.InvalidEinittoken, "EINITTOKEN reserved", "0", "not 0");
        }

        // SDM 3D, EINIT: CPUSVNLE beyond CR_CPUSVN.
        if (SecurityVersion.IsBeyond(token.Cpusvnle, call.Machine.Cpusvn))
        {
            return call.Refuse(SgxError.InvalidCpusvn, "EINITTOKEN.CPUSVNLE", Hex(call.Machine.Cpusvn), Hex(token.Cpusvnle));
        }

        // SDM 3D, EINIT: the MAC with the launch key of the launch enclave that the token names.
        if (!IsGenuine(call.Machine, token, tokenBytes))
        {
            return call.Refuse(SgxError.InvalidEinittoken, "EINITTOKEN.MAC", "this machine's", "another");
        }

        // SDM 3D, EINIT: the token is for this enclave.
        if (!((ReadOnlySpan<byte>)token.Mrenclave).SequenceEqual(mrenclave))
        {
            return call.Refuse(SgxError.InvalidMeasurement, "EINITTOKEN.MRENCLAVE", Hex(mrenclave), Hex(token.Mrenclave));
        }

        if (!((ReadOnlySpan<byte>)token.Mrsigner).SequenceEqual(mrsigner))
        {
            return call.Refuse(SgxError.InvalidMeasurement, "EINITTOKEN.MRSIGNER", Hex(mrsigner), Hex(token.Mrsigner));
        }

        // SDM 3D, EINIT: the token is for these attributes. (The text names SGX_INVALID_EINIT_ATTRIBUTE, which no table has.)
        return token.Attributes == control.Attributes
            ? LeafResult.Success
            : call.Refuse(SgxError.InvalidAttribute, "EINITTOKEN.ATTRIBUTES", Hex(control.Attributes), Hex(token.Attributes));
    }

    private static bool IsGenuine(SgxMachine machine, in Einittoken token, ReadOnlySpan<byte> tokenBytes)
    {
        KeyDependencies dependencies = new()
        {
            Keyname = KeyName.Einittoken,
            Isvprodid = token.Isvprodidle,
            Isvsvn = token.Isvsvnle,
            Ownerepoch = machine.Keys.Ownerepoch,
            Attributes = token.Maskedattributesle,
            Keyid = token.Keyid,
            SealKeyFuses = machine.Keys.SealKeyFuses,
            Cpusvn = token.Cpusvnle,
            Miscselect = token.Maskedmiscselectle,
        };
        machine.LaunchControlHash.CopyTo(dependencies.Mrsigner);
        Span<byte> key = stackalloc byte[Cmac.Size];
        machine.Keys.DeriveKey(dependencies, key);
        bool genuine = Cmac.Verify(key, tokenBytes[..Einittoken.MacCovers], token.Mac);
        CryptographicOperations.ZeroMemory(key);
        return genuine;
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    private static string Hex(Attributes attributes) => $"{(ulong)attributes.Flags:x16}:{attributes.Xfrm:x16}";

    // What the leaf was executed on, for those who hear why it refuses.
    private readonly ref struct Operands(SgxMachine machine, EpcPage secs, ReadOnlySpan<byte> sigstruct)
    {
        private readonly ReadOnlySpan<byte> _sigstruct = sigstruct;

        public SgxMachine Machine { get; } = machine;

        public LeafResult Refuse(SgxError error, string field, string expected, string found)
        {
            Machine.Observer.EnclaveRefused(EnclsLeaf.Einit, secs, _sigstruct, field, expected, found);
            return LeafResult.Of(error);
        }
    }
}
