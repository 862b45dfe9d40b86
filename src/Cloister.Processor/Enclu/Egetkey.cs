using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Keys;

namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EGETKEY]: derives a key. SDM 3D, EGETKEY. RBX is a KEYREQUEST, RCX where the 16 bytes go.</summary>
public static class Egetkey
{
    private const Keypolicy KssPolicies = Keypolicy.NoIsvprodid | Keypolicy.Configid | Keypolicy.Isvfamilyid | Keypolicy.Isvextprodid;
    private const Keypolicy KnownPolicies = Keypolicy.Mrenclave | Keypolicy.Mrsigner | KssPolicies;

    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
    {
        if (LeafSteps.Refuse(machine, processor, EncluLeaf.Egetkey) is { } refusal)
        {
            return refusal;
        }

        LeafResult result = LeafSteps.Injected(machine, processor, memory, EncluLeaf.Egetkey) ?? Run(machine, processor, memory);
        if (result.Status != LeafStatus.Fault)
        {
            LeafSteps.Complete(processor.Registers, result.Error);
        }

        var address = new LinearAddress(processor.Registers.Rbx);
        return LeafSteps.Tell(machine, processor, EncluLeaf.Egetkey, address, result);
    }

    private static LeafResult Run(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory)
    {
        Registers registers = processor.Registers;

        // SDM 3D, EGETKEY: KEYREQUEST's address and page, then OUTPUTDATA's.
        if (Operand.Find(machine, processor, memory, new LinearAddress(registers.Rbx), Keyrequest.SizeInBytes, AccessKind.Read,
            out Span<byte> request) is { } requestRefusal)
        {
            return requestRefusal;
        }

        if (Operand.Find(machine, processor, memory, new LinearAddress(registers.Rcx), Cmac.Size, AccessKind.Write,
            out Span<byte> output) is { } outputRefusal)
        {
            return outputRefusal;
        }

        Keyrequest keyrequest = MemoryMarshal.Read<Keyrequest>(request);

        // SDM 3D, EGETKEY: reserved fields and policies; without CET its mask too.
        bool reserved = keyrequest.Reserved1 == 0 && Zero.Is(keyrequest.Reserved2) && keyrequest.CetAttributesMask == 0
            && (keyrequest.Keypolicy & ~KnownPolicies) == 0;
        if (!reserved)
        {
            return machine.Refuse(LeafRule.KeyrequestReserved, (ulong)keyrequest.Keypolicy, (ulong)KnownPolicies);
        }

        // SDM 3D, EGETKEY: the newer policies and CONFIGSVN need KSS.
        ref readonly Secs secs = ref machine.SecsOf(processor.Secs);
        bool usesKss = (keyrequest.Keypolicy & KssPolicies) != 0 || keyrequest.Configsvn > 0;
        if (usesKss && !secs.Attributes.Flags.HasFlag(AttributeFlags.Kss))
        {
            return machine.Refuse(LeafRule.KeyrequestKss, (ulong)keyrequest.Keypolicy);
        }

        if (Refusal(machine.Cpusvn, keyrequest, secs) is var error && error != SgxError.Success)
        {
            machine.Observer.KeyRequested(in keyrequest, LeafResult.Of(error));
            return error switch
            {
                SgxError.InvalidKeyname => machine.Refuse(error, LeafRule.Keyname, (ulong)keyrequest.Keyname),
                SgxError.InvalidAttribute => machine.Refuse(error, LeafRule.KeyAttribute, (ulong)secs.Attributes.Flags),
                SgxError.InvalidCpusvn => machine.Refuse(error, LeafRule.KeyCpusvn),
                _ => machine.Refuse(error, LeafRule.KeyIsvsvn, keyrequest.Isvsvn, secs.Isvsvn),
            };
        }

        KeyDependencies dependencies = Dependencies(machine.Keys, machine.Cpusvn, keyrequest, secs, machine.ExtensionOf(processor.Secs));
        machine.Keys.DeriveKey(dependencies, output[..Cmac.Size]);
        machine.Observer.KeyRequested(in keyrequest, LeafResult.Success);
        return LeafResult.Success;
    }

    internal static SgxError Refusal(ReadOnlySpan<byte> cpusvn, in Keyrequest request, in Secs secs)
    {
        AttributeFlags? capability = request.Keyname switch
        {
            KeyName.Seal or KeyName.Report => AttributeFlags.None,
            KeyName.Einittoken => AttributeFlags.EinittokenKey,
            KeyName.Provision or KeyName.ProvisionSeal => AttributeFlags.ProvisionKey,
            _ => null,
        };

        // SDM 3D, EGETKEY: the value of KEYNAME is invalid.
        if (capability is not { } needed)
        {
            return SgxError.InvalidKeyname;
        }

        // SDM 3D, EGETKEY: the enclave lacks the attribute for this key.
        if (!secs.Attributes.Flags.HasFlag(needed))
        {
            return SgxError.InvalidAttribute;
        }

        if (request.Keyname == KeyName.Report)
        {
            return SgxError.Success;
        }

        // SDM 3D, EGETKEY: CPUSVN beyond this processor's.
        if (SecurityVersion.IsBeyond(request.Cpusvn, cpusvn))
        {
            return SgxError.InvalidCpusvn;
        }

        // SDM 3D, EGETKEY: ISVSVN above the enclave's; for SEAL_KEY also CONFIGSVN.
        bool beyond = request.Isvsvn > secs.Isvsvn || (request.Keyname == KeyName.Seal && request.Configsvn > secs.Configsvn);
        return beyond ? SgxError.InvalidIsvsvn : SgxError.Success;
    }

    // SDM 3D, EGETKEY: TMP_KEYDEPENDENCIES of each key.
    internal static KeyDependencies Dependencies(MachineKeys keys, ReadOnlySpan<byte> cpusvn, in Keyrequest request, in Secs secs,
        in SecsExtension extension)
    {
        // REQUIRED_SEALING_MASK: INIT and DEBUG always count.
        Attributes mask = request.Attributemask;
        Attributes attributes = (mask | new Attributes(AttributeFlags.Init | AttributeFlags.Debug, 0)) & secs.Attributes;
        KeyDependencies dependencies = new()
        {
            Keyname = request.Keyname,
            Isvprodid = secs.Isvprodid,
            Isvsvn = request.Isvsvn,
            Attributes = attributes,
            Cpusvn = request.Cpusvn,
            Miscselect = request.Miscmask & secs.Miscselect,
        };
        switch (request.Keyname)
        {
            case KeyName.Report:
                dependencies = new()
                {
                    Keyname = KeyName.Report,
                    Attributes = secs.Attributes,
                    Mrenclave = secs.Mrenclave,
                    Keyid = request.Keyid,
                    Miscselect = secs.Miscselect,
                    Configid = secs.Configid,
                    Configsvn = secs.Configsvn,
                };
                cpusvn.CopyTo(dependencies.Cpusvn);
                break;
            case KeyName.Seal:
                dependencies.Keyid = request.Keyid;
                ApplyPolicy(ref dependencies, request, secs, extension);
                dependencies.Mrenclave = request.Keypolicy.HasFlag(Keypolicy.Mrenclave) ? secs.Mrenclave : default;
                dependencies.Mrsigner = request.Keypolicy.HasFlag(Keypolicy.Mrsigner) ? secs.Mrsigner : default;
                break;
            case KeyName.ProvisionSeal:
                ApplyPolicy(ref dependencies, request, secs, extension);
                dependencies.Mrsigner = secs.Mrsigner;
                break;
            case KeyName.Provision:
                dependencies.Attributesmask = mask;
                dependencies.Miscmask = ~request.Miscmask;
                dependencies.Mrsigner = secs.Mrsigner;
                break;
            default:
                dependencies.Keyid = request.Keyid;
                dependencies.Mrsigner = secs.Mrsigner;
                break;
        }

        bool lasting = request.Keyname is KeyName.Provision or KeyName.ProvisionSeal;
        dependencies.Ownerepoch = lasting ? default : keys.Ownerepoch;
        dependencies.SealKeyFuses = request.Keyname == KeyName.Provision ? default : keys.SealKeyFuses;
        return dependencies;
    }

    private static void ApplyPolicy(ref KeyDependencies dependencies, in Keyrequest request, in Secs secs, in SecsExtension extension)
    {
        Keypolicy policy = request.Keypolicy;
        dependencies.Attributesmask = request.Attributemask;
        dependencies.Miscmask = ~request.Miscmask;
        dependencies.Keypolicy = policy;
        dependencies.Isvprodid = policy.HasFlag(Keypolicy.NoIsvprodid) ? (ushort)0 : secs.Isvprodid;
        dependencies.Isvfamilyid = policy.HasFlag(Keypolicy.Isvfamilyid) ? extension.Isvfamilyid : default;
        dependencies.Isvextprodid = policy.HasFlag(Keypolicy.Isvextprodid) ? extension.Isvextprodid : default;
        dependencies.Configid = policy.HasFlag(Keypolicy.Configid) ? secs.Configid : default;
        dependencies.Configsvn = policy.HasFlag(Keypolicy.Configid) ? request.Configsvn : (ushort)0;
    }
}
