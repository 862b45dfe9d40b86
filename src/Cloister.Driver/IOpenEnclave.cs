using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>One open file of /dev/sgx_enclave and the enclave built through it (struct sgx_encl), whichever driver has it.</summary>
public interface IOpenEnclave
{
    /// <summary>Where the enclave's pages live.</summary>
    IEnclaveStorage Storage { get; }

    /// <summary>Whether ECREATE was done (SGX_ENCL_CREATED).</summary>
    bool IsCreated { get; }

    /// <summary>Whether EINIT was done (SGX_ENCL_INITIALIZED).</summary>
    bool IsInitialized { get; }

    /// <summary>Whether the enclave can be debugged (SGX_ENCL_DEBUG).</summary>
    bool IsDebug { get; }

    /// <summary>Whether the file is closed and everything given back.</summary>
    bool IsReleased { get; }

    /// <summary>Whether it can no longer be built or entered (SGX_ENCL_DEAD).</summary>
    bool IsDead { get; }

    /// <summary>Whether the machine lost power under it (SGX_ENCL_SUSPEND).</summary>
    bool IsSuspended { get; }

    /// <summary>SECS.EID, which tells it apart for as long as the machine runs; 0 before CREATE.</summary>
    ulong Eid { get; }

    /// <summary>Start of the enclave's linear range (SECS.BASEADDR).</summary>
    LinearAddress Base { get; }

    /// <summary>Bytes of the enclave's linear range (SECS.SIZE), 0 before CREATE.</summary>
    ulong Size { get; }

    /// <summary>ATTRIBUTES the enclave was created with.</summary>
    AttributeFlags Attributes { get; }

    /// <summary>EPC page of the SECS, or none before CREATE and while the SECS is written out.</summary>
    EpcPage SecsPage { get; }

    /// <summary>Enclave pages, in the EPC and written out, without SECS and version arrays.</summary>
    int PageCount { get; }

    /// <summary>Enclave pages in the EPC now (secs_child_cnt).</summary>
    int ResidentPageCount { get; }

    /// <summary>The SIGSTRUCT it was initialised with; empty before INIT. The kernel keeps none.</summary>
    ReadOnlyMemory<byte> Sigstruct { get; }

    /// <summary>SECS.MRENCLAVE and SECS.MRSIGNER; empty before INIT.</summary>
    (ReadOnlyMemory<byte> Enclave, ReadOnlyMemory<byte> Signer) Identity { get; }
}
