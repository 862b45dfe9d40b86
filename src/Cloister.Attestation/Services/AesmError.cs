namespace Cloister.Attestation.Services;

/// <summary>AESM's errors. linux-sgx, psw/ae/inc/internal/aesm_error.h.</summary>
public enum AesmError
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>Something went wrong.</summary>
    Unexpected = 1,

    /// <summary>A size is wrong, or a buffer too small.</summary>
    Parameter = 3,

    /// <summary>There is no such service.</summary>
    ServiceUnavailable = 30,

    /// <summary>The kind of attestation key is none that there is.</summary>
    UnsupportedAttestationKey = 38,

    /// <summary>The REPORT is not one of this machine for the quoting enclave. Intel's client makes SGX_ERROR_MAC_MISMATCH of it.</summary>
    InvalidReport = 48,
}
