using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Driver.Uapi;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Ioctls;

/// <summary>SGX_IOC_ENCLAVE_INIT: seals the measurement and lets threads in (sgx_ioc_enclave_init, sgx_encl_init).</summary>
internal sealed class EnclaveInit(IoctlCall call) : EnclaveIoctl(call)
{
    // SGX_EINIT_SPIN_COUNT times SGX_EINIT_SLEEP_COUNT of driver.h.
    private const int EinitSpins = 20, EinitAttempts = EinitSpins * 50;
    private const uint IntelVendor = 0x8086;

    // SGX_ATTR_PRIV_MASK and the complement of SGX_MISC_RESERVED_MASK, asm/sgx.h.
    private const AttributeFlags PrivilegedAttributes = AttributeFlags.ProvisionKey | AttributeFlags.EinittokenKey;
    private const Miscselect MiscselectKnown = Miscselect.Exinfo;

    private int _attempts;

    protected override long? Advance(int pageBudget)
    {
        if (!Enclave.IsCreated || Enclave.IsInitialized)
        {
            return -(long)Refuse(DriverError.EINVAL, Enclave.IsCreated ? IoctlRule.NotInitializedYet : IoctlRule.Created);
        }

        var parameters = default(SgxEnclaveInit);
        if (!TryCopyParameters(ref parameters))
        {
            return -(long)Refuse(DriverError.EFAULT, IoctlRule.ArgumentAccessible, Argument);
        }

        var sigstruct = Services.State.ScratchPage.AsSpan(0, Sigstruct.SizeInBytes);
        if (!Caller.CopyFromUser(parameters.Sigstruct, sigstruct))
        {
            return -(long)Refuse(DriverError.EFAULT, IoctlRule.OperandReadable, parameters.Sigstruct);
        }

        var error = Check(in MemoryMarshal.AsRef<Sigstruct>(sigstruct));
        return error == DriverError.None ? Initialize(sigstruct) : -(long)error;
    }

    private DriverError Check(in Sigstruct sigstruct)
    {
        // Linux, sgx_ioc_enclave_init: the processor accepts no other, and neither means anything.
        if (sigstruct.Vendor is not (0 or IntelVendor))
        {
            return Refuse(DriverError.EINVAL, in sigstruct, "SIGSTRUCT.VENDOR", "0 or 8086", $"{sigstruct.Vendor:x}");
        }

        // Linux, sgx_encl_init: attributes that were not allowed, which is to say provisioning.
        if ((Enclave.Attributes & ~Enclave.AllowedAttributes) != 0)
        {
            return Refuse(DriverError.EACCES, in sigstruct, "SECS.ATTRIBUTES",
                $"within {(ulong)Enclave.AllowedAttributes:x} (SGX_IOC_ENCLAVE_PROVISION allows PROVISIONKEY)",
                $"{(ulong)Enclave.Attributes:x}");
        }

        // Linux, sgx_encl_init and sgx_drv_init: what the signer demands must be known to the machine and the kernel.
        var options = Services.Machine.Options;
        var demanded = sigstruct.Attributes & sigstruct.Attributemask;
        var known = options.AttributesMask.Flags & (AttributeFlags.Init | PrivilegedAttributes
            | Services.State.Rules.UnprivilegedAttributes);
        if ((demanded.Flags & ~known) != 0)
        {
            return Refuse(DriverError.EINVAL, in sigstruct, "SIGSTRUCT.ATTRIBUTES",
                $"within {(ulong)known:x}, which machine and kernel have", $"{(ulong)demanded.Flags:x}");
        }

        var miscselect = options.MiscselectMask & MiscselectKnown;
        if ((sigstruct.Miscselect & sigstruct.Miscmask & ~miscselect) != 0)
        {
            return Refuse(DriverError.EINVAL, in sigstruct, "SIGSTRUCT.MISCSELECT",
                $"within {(uint)miscselect:x}, which machine and kernel have", $"{(uint)(sigstruct.Miscselect & sigstruct.Miscmask):x}");
        }

        return (demanded.Xfrm & ~options.AttributesMask.Xfrm) != 0
            ? Refuse(DriverError.EINVAL, in sigstruct, "SIGSTRUCT.XFRM", $"within {options.AttributesMask.Xfrm:x}, which the machine has",
                $"{demanded.Xfrm:x}")
            : DriverError.None;
    }

    private DriverError Refuse(DriverError error, in Sigstruct sigstruct, string field, string expected, string found)
    {
        Services.Machine.Observer.EnclaveRefused(EnclsLeaf.Einit, Enclave.Secs.Epc,
            MemoryMarshal.AsBytes(new ReadOnlySpan<Sigstruct>(in sigstruct)), field, expected, found);
        return Refuse(error, IoctlRule.SigstructFits);
    }

    private long? Initialize(ReadOnlySpan<byte> sigstruct)
    {
        // Linux, sgx_update_lepubkeyhash: the launch control registers follow the signer, so no launch enclave is needed.
        Span<byte> signer = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsRef<Sigstruct>(sigstruct).Modulus, signer);
        Services.Machine.LaunchControlHash = signer;

        Span<byte> token = stackalloc byte[Einittoken.SizeInBytes];
        token.Clear();
        var result = Einit.Execute(Services.Machine, sigstruct, token, Enclave.Secs.Epc);
        if (result.Error == SgxError.UnmaskedEvent)
        {
            // Linux, sgx_encl_init: it looks for signals when it has slept, which it does after so many in a row.
            if (++_attempts % EinitSpins == 0 && SignalPending)
            {
                return -(long)DriverError.ERESTARTSYS;
            }

            if (_attempts < EinitAttempts)
            {
                return null;
            }
        }

        switch (result.Status)
        {
            case LeafStatus.Success:
                Enclave.IsInitialized = true;
                Enclave.Mrenclave = ((ReadOnlySpan<byte>)MemoryMarshal.AsRef<Sigstruct>(sigstruct).Enclavehash).ToArray();
                Enclave.Mrsigner = signer.ToArray();
                Enclave.Sigstruct = sigstruct.ToArray();
                return 0;
            case LeafStatus.Error:
                return -(long)Refuse(DriverError.EPERM, IoctlRule.LeafSucceeds);
            default:
                return -(long)Refuse(DriverError.EIO, IoctlRule.LeafSucceeds);
        }
    }
}
