namespace Cloister.Images;

/// <summary>Keys whose private half is public: a signature with one of them says nothing of who made the enclave.</summary>
public static class KnownSigner
{
    // MRSIGNER of private keys found in these repositories; the value is SHA-256 of the modulus, computed from the key file.
    private static readonly Dictionary<string, string> TestKeys = new()
    {
        ["83d719e77deaca1470f6baf62a4d774303c899db69020f9c70ee1dfc08c7ce9e"] = "the Intel SDK's sample key (intel/linux-sgx, Linux_SGXEclipsePlugin, Enclave1_private.pem)",
        ["5e70caf3b3bb3b5dfaacfeaea8c2170d94e2f8c347b896f38640692b770e223f"] = "the Intel SDK's template key (intel/linux-sgx, Linux_SGXEclipsePlugin, Basename_private.pem)",
        ["9664d90755bd901069d4725cdd428038473d726f1cec0edf0d78e18a596b1d4e"] = "the reference launch enclave's test key (intel/linux-sgx, psw/ae/ref_le/ref_keys/enclave_private_test_key.pem)",
        ["fbbf17d6b0700e63ad55520f17ed6d2e06c2832217cd992bad243b5022ee83bc"] = "the reference launch enclave's test key (intel/linux-sgx, psw/ae/ref_le/ref_keys/le_private_test_key.pem)",
        ["ca9ad7331448980aa28890ce73e433638377f179ab4456b2fe237193193a8d0a"] = "Open Enclave's debug signing key (openenclave/openenclave, host/signkey.c)",
        ["3b0afc0422ae85733e021ad4df327acecb8a5b6d390c97187dde080153e0fb70"] = "Open Enclave's project template key (openenclave/openenclave, devex/vsextension, MyEnclave_private.pem)",
        ["6c1c59c89ed4dd9825649494fcb2ebf96a8a617a1d0589fe0147f0ef1b3f784d"] = "an Open Enclave sample key (openenclave/openenclave, samples/attested_tls/client)",
        ["9fa48b1629bd246a1de3d38fb7df97f6554cd65d6b3b72e85b86848ae6b578ba"] = "an Open Enclave sample key (openenclave/openenclave, samples/attested_tls/server)",
        ["2f9f8fd4fe12d77232f1d87571ca8252ca27714efe7705e46222cffd5a22e8c4"] = "the Linux self tests' key (Linux, tools/testing/selftests/sgx/sign_key.pem)",
    };

    /// <summary>Whose test key it is, or null when it is none that is known.</summary>
    /// <param name="mrsigner">64 hexadecimal digits in lower case.</param>
    public static string? FindTestKey(string mrsigner) => TestKeys.GetValueOrDefault(mrsigner);
}
