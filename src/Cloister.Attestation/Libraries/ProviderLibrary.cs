using System.Buffers.Binary;
using System.Text;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collaterals;
using Cloister.Attestation.Platforms;

namespace Cloister.Attestation.Libraries;

/// <summary>
/// Certificates and collateral in the program's own process: libdcap_quoteprov. DCAP, QuoteGeneration/qpl/sgx_default_quote_provider.cpp
/// and qcnl/certification_service.cpp, of version 3.1 of its interface: lists are DER, and each of its texts and lists ends with a zero
/// that is counted.
/// </summary>
internal static class ProviderLibrary
{
    private const ushort Major = 3, Minor = 1;
    private const int FmspcLength = 6, CollateralLength = 120, ConfigurationLength = 34, IdentifierLength = 43;

    public static AttestationLibrary Library { get; } = new(["libdcap_quoteprov.so.1", "libdcap_quoteprov.so"],
        QuoteLibraryError.ServiceUnavailable,
    [
        new("sgx_ql_get_quote_config", Configuration),
        new("sgx_ql_free_quote_config", call => Free(call, 1)),
        new("sgx_ql_get_quote_verification_collateral", call => Collateral(call, 3)),
        new("sgx_ql_get_quote_verification_collateral_with_params",
            call => (call.Pointer(3) == 0) != (call.UInt16(4) == 0) ? Task.FromResult(QuoteLibraryError.InvalidParameter)
                : Collateral(call, 5)),
        new("sgx_ql_free_quote_verification_collateral", call => Free(call, 1)),
        new("sgx_ql_get_qve_identity", VerifyingEnclave),
        new("sgx_ql_free_qve_identity", call => Free(call, 2)),
        new("sgx_ql_get_root_ca_crl", RootList),
        new("sgx_ql_free_root_ca_crl", call => Free(call, 1)),

        // Nothing is logged, nothing is kept between calls.
        new("sgx_ql_set_logging_callback", _ => Task.FromResult(QuoteLibraryError.Success)),
        new("sgx_qpl_clear_cache", _ => Task.FromResult(QuoteLibraryError.Success)),
        new("sgx_qpl_global_init", _ => Task.FromResult(QuoteLibraryError.Success)),
        new("sgx_qpl_global_cleanup", _ => Task.FromResult(QuoteLibraryError.Success)),
    ]);

    private static async Task<uint> Free(LibraryCall call, int count)
    {
        for (int i = 0; i < count; i++)
        {
            if (!await CallerBlock.Free(call, call.Pointer(i)).ConfigureAwait(false))
            {
                return QuoteLibraryError.InvalidParameter;
            }
        }

        return QuoteLibraryError.Success;
    }

    // struct sgx_ql_pck_cert_id_t, packed: QE's identifier and its size, pointers to CPUSVN and the PCE's SVN, PPID and its size, suite,
    // PCE's identifier. struct sgx_ql_config_t, packed: version 1, CPUSVN, the PCE's SVN, size and address of the certificates.
    private static async Task<uint> Configuration(LibraryCall call)
    {
        if (call.Pointer(0) == 0 || call.Pointer(1) == 0)
        {
            return QuoteLibraryError.InvalidParameter;
        }

        byte[] identifier = await call.Read(0, IdentifierLength).ConfigureAwait(false);
        ulong cpusvn = BinaryPrimitives.ReadUInt64LittleEndian(identifier.AsSpan(12)),
            pcesvn = BinaryPrimitives.ReadUInt64LittleEndian(identifier.AsSpan(20));
        if (cpusvn == 0 || pcesvn == 0)
        {
            return QuoteLibraryError.InvalidParameter;
        }

        var asked = new TcbVersion(
            Convert.ToHexStringLower(await call.Memory.Read(cpusvn, 16).ConfigureAwait(false)),
            BinaryPrimitives.ReadUInt16LittleEndian(await call.Memory.Read(pcesvn, 2).ConfigureAwait(false)));
        if (BinaryPrimitives.ReadUInt16LittleEndian(identifier.AsSpan(41)) != 0
            || call.Services.Platform.CertifiedFor(asked) is not { } version)
        {
            return QuoteLibraryError.CertificatesUnavailable;
        }

        byte[] chain = Text(call.Services.Platform.Chain(version));
        return await Put(call, 1, ConfigurationLength + chain.Length, at =>
        {
            byte[] configuration = new byte[ConfigurationLength];
            BinaryPrimitives.WriteInt32LittleEndian(configuration, 1);
            version.Components.CopyTo(configuration, 4);
            BinaryPrimitives.WriteUInt16LittleEndian(configuration.AsSpan(20), version.Pcesvn);
            BinaryPrimitives.WriteInt32LittleEndian(configuration.AsSpan(22), chain.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(configuration.AsSpan(26), at + ConfigurationLength);
            return [.. configuration, .. chain];
        }).ConfigureAwait(false);
    }

    // struct sgx_ql_qve_collateral_t: version, TEE, and seven times an address and a size.
    private static async Task<uint> Collateral(LibraryCall call, int result)
    {
        if (call.Pointer(0) == 0 || call.UInt16(1) != FmspcLength || call.Pointer(2) == 0 || call.Pointer(result) == 0
            || await AuthorityAt(call, call.Pointer(2)).ConfigureAwait(false) is not { } authority)
        {
            return QuoteLibraryError.InvalidParameter;
        }

        string fmspc = Convert.ToHexString(await call.Read(0, FmspcLength).ConfigureAwait(false));
        PlatformSettings settings = call.Services.Platform.Platform.Settings;
        if (!fmspc.Equals(settings.Fmspc, StringComparison.OrdinalIgnoreCase))
        {
            return QuoteLibraryError.TcbInfoNotFound;
        }

        CollateralMaker maker = call.Services.Collateral;
        DevelopmentAuthority certifier = call.Services.Platform.Authority;
        byte[][] parts =
        [
            Text(certifier.PckChain(authority)), [.. maker.RootCrl(), 0], [.. maker.PckCrl(authority), 0], Text(certifier.TcbChain),
            Text(maker.TcbInfo().Under(TcbInfo.Member)), Text(certifier.TcbChain), Text(maker.Identity("QE").Under(EnclaveIdentity.Member)),
        ];
        return await Put(call, result, CollateralLength + parts.Sum(part => part.Length), at =>
        {
            byte[] collateral = new byte[CollateralLength];
            BinaryPrimitives.WriteUInt16LittleEndian(collateral, Major);
            BinaryPrimitives.WriteUInt16LittleEndian(collateral.AsSpan(2), Minor);
            ulong next = at + CollateralLength;
            for (int i = 0; i < parts.Length; i++)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(collateral.AsSpan(8 + 16 * i), next);
                BinaryPrimitives.WriteInt32LittleEndian(collateral.AsSpan(16 + 16 * i), parts[i].Length);
                next += (ulong)parts[i].Length;
            }

            return [.. collateral, .. parts.SelectMany(part => part)];
        }).ConfigureAwait(false);
    }

    private static async Task<uint> VerifyingEnclave(LibraryCall call)
    {
        if (Enumerable.Range(0, 4).Any(i => call.Pointer(i) == 0))
        {
            return QuoteLibraryError.InvalidParameter;
        }

        byte[] identity = Text(call.Services.Collateral.Identity("QVE").Under(EnclaveIdentity.Member)),
            chain = Text(call.Services.Platform.Authority.TcbChain);
        await call.Write(1, (uint)identity.Length).ConfigureAwait(false);
        await call.Write(3, (uint)chain.Length).ConfigureAwait(false);
        uint error = await Put(call, 0, identity.Length, _ => identity).ConfigureAwait(false);
        return error != QuoteLibraryError.Success ? error : await Put(call, 2, chain.Length, _ => chain).ConfigureAwait(false);
    }

    private static async Task<uint> RootList(LibraryCall call)
    {
        if (call.Pointer(0) == 0 || call.Pointer(1) == 0)
        {
            return QuoteLibraryError.InvalidParameter;
        }

        byte[] list = [.. call.Services.Collateral.RootCrl(), 0];
        await call.Write(1, (ushort)list.Length).ConfigureAwait(false);
        return await Put(call, 0, list.Length, _ => list).ConfigureAwait(false);
    }

    // Makes what the caller gives back later, and puts its address to where an argument points.
    private static async Task<uint> Put(LibraryCall call, int argument, int length, Func<ulong, byte[]> content)
    {
        if (await CallerBlock.Make(call, length, content).ConfigureAwait(false) is not { } at)
        {
            return QuoteLibraryError.OutOfMemory;
        }

        await call.Write(argument, at).ConfigureAwait(false);
        return QuoteLibraryError.Success;
    }

    // Byte by byte: what lies behind the text need not be memory.
    private static async Task<CertificateAuthority?> AuthorityAt(LibraryCall call, ulong address)
    {
        const int longest = 10;
        var text = new StringBuilder();
        for (; text.Length < longest; address++)
        {
            char one = (char)(await call.Memory.Read(address, 1).ConfigureAwait(false))[0];
            if (one == 0)
            {
                break;
            }

            text.Append(one);
        }

        return PlatformText.ParseAuthority(text.ToString());
    }

    private static byte[] Text(string text) => [.. Encoding.UTF8.GetBytes(text), 0];
}
