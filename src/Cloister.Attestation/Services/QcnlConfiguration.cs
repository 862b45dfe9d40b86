using System.Text;

namespace Cloister.Attestation.Services;

/// <summary>What Intel's collateral client reads to find its service. DCAP, qcnl/linux/sgx_default_qcnl.conf.</summary>
public static class QcnlConfiguration
{
    /// <summary>Where it is.</summary>
    public const string Path = "/etc/sgx_default_qcnl.conf";

    /// <summary>The file's content. Nothing is kept by the client, for the next run may have another verdict.</summary>
    /// <param name="port">The service's port on 127.0.0.1.</param>
    public static byte[] Content(int port) => Encoding.ASCII.GetBytes($$"""
        {
          "pccs_url": "http://127.0.0.1:{{port}}/sgx/certification/v4/",
          "use_secure_cert": false,
          "pccs_api_version": "3.1",
          "retry_times": 1,
          "pck_cache_expire_hours": 0,
          "verify_collateral_cache_expire_hours": 0
        }

        """);
}
