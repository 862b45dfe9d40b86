using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Attestation.Quotes;

namespace Cloister.Attestation.Libraries;

/// <summary>
/// Quotes in the program's own process: libsgx_dcap_ql. DCAP, quote_wrapper/ql/sgx_dcap_ql_wrapper.cpp, in its mode "in process", and
/// common/inc/sgx_ql_lib_common.h. Enclaves that it would load are not loaded, so that their paths and how long they stay do not matter.
/// </summary>
internal static class QuotingLibrary
{
    // enum sgx_ql_request_policy_t: persistent, and loaded for each quote. enum sgx_ql_path_type_t: QE3, PCE, quote provider, IDE.
    private const uint LastPolicy = 1, LastPath = 3;

    public static AttestationLibrary Library { get; } = new(["libsgx_dcap_ql.so.1", "libsgx_dcap_ql.so"],
        QuoteLibraryError.ServiceUnavailable,
    [
        new("sgx_qe_set_enclave_load_policy",
            call => Task.FromResult(call.UInt32(0) <= LastPolicy ? QuoteLibraryError.Success : QuoteLibraryError.UnsupportedLoadingPolicy)),
        new("sgx_qe_get_target_info", Target),
        new("sgx_qe_get_quote_size", Size),
        new("sgx_qe_get_quote", Quote),
        new("sgx_qe_cleanup_by_policy", _ => Task.FromResult(QuoteLibraryError.Success)),
        new("sgx_ql_set_path",
            call => Task.FromResult(call.UInt32(0) <= LastPath && call.Pointer(1) != 0 ? QuoteLibraryError.Success
                : QuoteLibraryError.InvalidParameter)),

        // Nothing is traced.
        new("sgx_ql_set_trace_callback", _ => Task.FromResult(QuoteLibraryError.Success)),
    ]);

    private static async Task<uint> Target(LibraryCall call)
    {
        if (call.Pointer(0) == 0)
        {
            return QuoteLibraryError.InvalidParameter;
        }

        await call.Write(0, call.Services.Quoting.Targetinfo).ConfigureAwait(false);
        return QuoteLibraryError.Success;
    }

    private static async Task<uint> Size(LibraryCall call)
    {
        if (call.Pointer(0) == 0)
        {
            return QuoteLibraryError.InvalidParameter;
        }

        await call.Write(0, (uint)call.Services.Quoting.QuoteLength).ConfigureAwait(false);
        return QuoteLibraryError.Success;
    }

    private static async Task<uint> Quote(LibraryCall call)
    {
        if (call.Pointer(0) == 0 || call.Pointer(2) == 0)
        {
            return QuoteLibraryError.InvalidParameter;
        }

        QuotingEnclave enclave = call.Services.Quoting.Enclave;
        if (call.UInt32(1) < (uint)enclave.QuoteLength)
        {
            return QuoteLibraryError.InvalidParameter;
        }

        byte[] report = await call.Read(0, Report.SizeInBytes).ConfigureAwait(false);
        if (enclave.Quote(MemoryMarshal.Read<Report>(report)) is not { } quote)
        {
            return QuoteLibraryError.InvalidReport;
        }

        await call.Write(2, quote).ConfigureAwait(false);
        return QuoteLibraryError.Success;
    }
}
