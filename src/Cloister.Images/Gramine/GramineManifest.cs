using System.Globalization;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>What a signed manifest says of the enclave. gramineproject/gramine, python/graminelibos/manifest.py and sgx_sign.py.</summary>
internal sealed class GramineManifest
{
    private const ulong DefaultThreads = 4;

    private readonly TomlScalars toml;

    public GramineManifest(TomlScalars toml)
    {
        this.toml = toml;
        EnclaveSize = Size(toml.Text("sgx.enclave_size") ?? (IsEdmm ? "1024G" : "256M"));
        Threads = toml.Number("sgx.max_threads") ?? toml.Number("sgx.thread_num") ?? DefaultThreads;
    }

    public ulong EnclaveSize { get; }

    public ulong Threads { get; }

    public bool IsEdmm => toml.Flag("sgx.edmm_enable");

    // Signers before 1.4 always wrote this option, and put an enclave of position-independent code elsewhere.
    public bool IsAboveItsSize => toml.Text("sgx.nonpie_binary") == "false";

    public SigningParameters Signing
    {
        get
        {
            (ulong xfrm, ulong mask) = Xfrm();
            bool exinfo = toml.Flag("sgx.use_exinfo") || toml.Flag("sgx.support_exinfo");
            return new SigningParameters
            {
                Isvprodid = (ushort)(toml.Number("sgx.isvprodid") ?? 0),
                Isvsvn = (ushort)(toml.Number("sgx.isvsvn") ?? 0),
                Attributes = new Attributes(AttributeFlags.Mode64Bit | (toml.Flag("sgx.debug") ? AttributeFlags.Debug : 0), xfrm),
                Attributemask = new Attributes((AttributeFlags)ulong.MaxValue, mask),
                Miscselect = exinfo ? Miscselect.Exinfo : 0,
            };
        }
    }

    public static bool Is(TomlScalars toml) => toml.Containers.Contains("sgx.") || toml.Containers.Contains("sgx[");

    // sgx_arch.h, SGX_XFRM_*; sgx_sign.py, get_enclave_attributes.
    private (ulong Xfrm, ulong Mask) Xfrm()
    {
        ulong xfrm = Attributes.XfrmLegacy;
        ulong mask = 0xfffffffffff9ff1b;
        foreach ((string name, ulong bits, string standard) in new[]
        {
            ("avx", 0x4UL, "unspecified"), ("avx512", 0xe4UL, "unspecified"), ("amx", 0x60000UL, "unspecified"),
            ("mpx", 0x18UL, "disabled"), ("pkru", 0x200UL, "disabled"),
        })
        {
            if (toml.Flag($"sgx.require_{name}"))
            {
                xfrm |= bits;
            }

            switch (toml.Text($"sgx.cpu_features.{name}") ?? standard)
            {
                case "required":
                    xfrm |= bits;
                    mask |= bits;
                    break;
                case "disabled" when toml.Text($"sgx.require_{name}") is null:
                    xfrm &= ~bits;
                    mask |= bits;
                    break;
            }
        }

        return (xfrm, mask);
    }

    private static ulong Size(string text)
    {
        int shift = text.Length == 0 ? 0 : text[^1] switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        string digits = shift == 0 ? text : text[..^1];
        bool hexadecimal = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return ulong.TryParse(hexadecimal ? digits[2..] : digits, hexadecimal ? NumberStyles.HexNumber
            : NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            && number <= 1UL << (48 - shift)
            ? number << shift
            : throw new ImageException($"sgx.enclave_size = \"{text}\" is no size");
    }
}
