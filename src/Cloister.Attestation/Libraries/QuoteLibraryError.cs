namespace Cloister.Attestation.Libraries;

/// <summary>Errors of the quote libraries, quote3_error_t. DCAP, quote_wrapper/common/inc/sgx_ql_lib_common.h.</summary>
internal static class QuoteLibraryError
{
    public const uint Success = 0;
    public const uint Unexpected = 0xe001;
    public const uint InvalidParameter = 0xe002;
    public const uint OutOfMemory = 0xe003;
    public const uint UnsupportedLoadingPolicy = 0xe00c;
    public const uint InvalidReport = 0xe015;
    public const uint ServiceUnavailable = 0xe040;
    public const uint CertificatesUnavailable = 0xe049;
    public const uint TcbInfoNotFound = 0xe062;
}
