using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// EINITTOKENs in files of their own, as Gramine's and Intel's launch services write them. SDM 3D, "EINIT TOKEN STRUCTURE".
/// </summary>
internal static class EinittokenFile
{
    public static bool Is(ByteSource source)
        => source.Length == Einittoken.SizeInBytes && source.Read<uint>(0) <= 1;

    public static EnclaveImage Read(ByteSource source)
    {
        Einittoken token = source.Read<Einittoken>(0);
        return new EnclaveImage(source, ImageFormat.Einittoken, "EINITTOKEN")
        {
            Variants =
            [
                new EnclaveVariant
                {
                    Name = "token",
                    Attributes = token.Attributes,
                    PagesMissing = "an EINITTOKEN does not hold the enclave's pages",
                    Details =
                    [
                        new("VALID", token.Valid == 0 ? "0: the processor ignores it (flexible launch control)" : "1"),
                        new("MRENCLAVE", Convert.ToHexStringLower(token.Mrenclave)),
                        new("MRSIGNER", Convert.ToHexStringLower(token.Mrsigner)),
                        new("CPUSVNLE", Convert.ToHexStringLower(token.Cpusvnle)),
                        new("ISVPRODIDLE", $"{token.Isvprodidle}"),
                        new("ISVSVNLE", $"{token.Isvsvnle}"),
                        new("KEYID", Convert.ToHexStringLower(token.Keyid)),
                        new("MAC", Convert.ToHexStringLower(token.Mac)),
                    ],
                },
            ],
        };
    }
}
