using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Cloister.Architecture;

namespace Cloister.Attestation.Platforms;

/// <summary>A platform as JSON: its settings in a file of their own, or all of it in an export.</summary>
public static class PlatformText
{
    private const int Schema = 1;
    private const string Number16 = "a number up to 65535";
    private static readonly string[] s_members = ["schema", "rootKey", "cpusvn", "pendingCpusvn", "pcesvn", "fmspc", "authority",
        "ownerEpoch", "dynamicPlatform", "cachedKeys", "smt", "versions", "pce", "qe"];

    /// <summary>Writes settings.</summary>
    public static byte[] Write(PlatformSettings settings) => Write(settings, null);

    /// <summary>Writes a whole platform.</summary>
    public static byte[] Write(Platform platform)
    {
        ArgumentNullException.ThrowIfNull(platform);
        return Write(platform.Settings, platform.RootKey);
    }

    /// <summary>Reads settings.</summary>
    /// <exception cref="AttestationException">They are none.</exception>
    public static PlatformSettings ReadSettings(ReadOnlyMemory<byte> json) => Read(json, root => Settings(root));

    /// <summary>Reads a whole platform.</summary>
    /// <exception cref="AttestationException">It is none.</exception>
    public static Platform ReadPlatform(ReadOnlyMemory<byte> json) => Read(json, root =>
        new Platform(Convert.FromHexString(Hex(root, "rootKey", Platform.RootKeyLength)
            ?? throw new AttestationException("it has no member rootKey")), Settings(root)));

    private static byte[] Write(PlatformSettings settings, ReadOnlyMemory<byte>? rootKey)
    {
        ArgumentNullException.ThrowIfNull(settings);
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("schema", Schema);
            if (rootKey is { } key)
            {
                writer.WriteString("rootKey", Convert.ToHexStringLower(key.Span));
            }

            writer.WriteString("cpusvn", settings.Cpusvn);
            writer.WriteString("pendingCpusvn", settings.PendingCpusvn);
            writer.WriteNumber("pcesvn", settings.Pcesvn);
            writer.WriteString("fmspc", settings.Fmspc);
            writer.WriteString("authority", Name(settings.Authority));
            writer.WriteString("ownerEpoch", settings.OwnerEpoch);
            writer.WriteBoolean("dynamicPlatform", settings.DynamicPlatform);
            writer.WriteBoolean("cachedKeys", settings.CachedKeys);
            writer.WriteBoolean("smt", settings.Smt);
            writer.WriteStartArray("versions");
            foreach (TcbVersion version in settings.AllVersions)
            {
                writer.WriteStartObject();
                writer.WriteString("cpusvn", version.Cpusvn);
                writer.WriteNumber("pcesvn", version.Pcesvn);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            Write(writer, "pce", settings.Pce);
            Write(writer, "qe", settings.Qe);
            writer.WriteEndObject();
        }

        return [.. bytes.ToArray(), (byte)'\n'];
    }

    private static T Read<T>(ReadOnlyMemory<byte> json, Func<JsonElement, T> take)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw new AttestationException("it is no JSON object");
            }

            if (root.EnumerateObject().Select(member => member.Name).Except(s_members).FirstOrDefault() is { } unknown)
            {
                throw new AttestationException($"a platform has no member '{unknown}'");
            }

            return !root.TryGetProperty("schema", out JsonElement schema) || !schema.TryGetInt32(out int number) || number != Schema
                ? throw new AttestationException($"its schema is not {Schema}: another version of Cloister made it")
                : take(root);
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            throw new AttestationException("it is no whole JSON text of a platform", wrong);
        }
    }

    private static PlatformSettings Settings(JsonElement root)
    {
        var first = new PlatformSettings();
        return new PlatformSettings
        {
            Cpusvn = Hex(root, "cpusvn", 16) ?? first.Cpusvn,
            PendingCpusvn = Hex(root, "pendingCpusvn", 16, orEmpty: true) ?? "",
            Pcesvn = Number(root, "pcesvn") ?? first.Pcesvn,
            Fmspc = Hex(root, "fmspc", 6)?.ToUpperInvariant() ?? first.Fmspc,
            Authority = root.TryGetProperty("authority", out JsonElement authority) ? ParseAuthority(authority.GetString() ?? "")
                ?? throw Wrong("authority", "platform or processor") : first.Authority,
            OwnerEpoch = Hex(root, "ownerEpoch", 16, orEmpty: true) ?? "",
            DynamicPlatform = Flag(root, "dynamicPlatform", first.DynamicPlatform),
            CachedKeys = Flag(root, "cachedKeys", first.CachedKeys),
            Smt = Flag(root, "smt", first.Smt),
            Versions = root.TryGetProperty("versions", out JsonElement versions)
                ? [.. versions.EnumerateArray()
                    .Select(version => new TcbVersion(Hex(version, "cpusvn", 16) ?? throw Wrong("cpusvn", "32 hexadecimal digits"),
                        Number(version, "pcesvn") ?? throw Wrong("pcesvn", Number16)))]
                : [],
            Pce = Enclave(root, "pce"),
            Qe = Enclave(root, "qe"),
        };
    }

    // Intel's is not written, so that a file without such a member means the same as ever.
    private static void Write(Utf8JsonWriter writer, string name, ArchitecturalEnclave? enclave)
    {
        if (enclave is not null)
        {
            writer.WriteStartObject(name);
            Members(writer, enclave);
            writer.WriteEndObject();
        }
    }

    /// <summary>A PCE or a QE as members of an object.</summary>
    public static void Members(Utf8JsonWriter writer, ArchitecturalEnclave enclave)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(enclave);
        writer.WriteString("mrsigner", enclave.Mrsigner);
        writer.WriteNumber("isvprodid", enclave.Isvprodid);
        writer.WriteNumber("isvsvn", enclave.Isvsvn);
        writer.WriteString("attributes", ArchitecturalEnclave.Text(enclave.Attributes));
        writer.WriteString("attributesMask", ArchitecturalEnclave.Text(enclave.AttributesMask));
        writer.WriteString("miscselect", ArchitecturalEnclave.Text(enclave.Miscselect));
        writer.WriteString("miscselectMask", ArchitecturalEnclave.Text(enclave.Miscmask));
    }

    private static ArchitecturalEnclave? Enclave(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out JsonElement enclave))
        {
            return null;
        }

        string mrsigner = Hex(enclave, "mrsigner", 32) ?? throw Wrong("mrsigner", "64 hexadecimal digits");
        return new ArchitecturalEnclave(mrsigner, Number(enclave, "isvprodid") ?? throw Wrong("isvprodid", Number16),
            Number(enclave, "isvsvn") ?? throw Wrong("isvsvn", Number16))
        {
            Attributes = (AttributeFlags)BinaryPrimitives.ReadUInt64LittleEndian(Bytes("attributes", sizeof(ulong))),
            AttributesMask = (AttributeFlags)BinaryPrimitives.ReadUInt64LittleEndian(Bytes("attributesMask", sizeof(ulong))),
            Miscselect = (Miscselect)BinaryPrimitives.ReadUInt32LittleEndian(Bytes("miscselect", sizeof(uint))),
            Miscmask = (Miscselect)BinaryPrimitives.ReadUInt32LittleEndian(Bytes("miscselectMask", sizeof(uint))),
        };

        byte[] Bytes(string member, int length) =>
            Convert.FromHexString(Hex(enclave, member, length) ?? throw Wrong(member, $"{2 * length} hexadecimal digits"));
    }

    /// <summary>The name of an authority on the command line and in files.</summary>
    public static string Name(CertificateAuthority authority) => authority == CertificateAuthority.Processor ? "processor" : "platform";

    /// <summary>The authority of a name; null when there is none.</summary>
    public static CertificateAuthority? ParseAuthority(string name) => name switch
    {
        "platform" => CertificateAuthority.Platform,
        "processor" => CertificateAuthority.Processor,
        _ => null,
    };

    private static string? Hex(JsonElement root, string name, int length, bool orEmpty = false)
    {
        if (!root.TryGetProperty(name, out JsonElement value))
        {
            return null;
        }

        string text = value.GetString() ?? "";
        return HexText.IsBytes(text, length) || (orEmpty && text.Length == 0) ? text.ToLowerInvariant()
            : throw Wrong(name, $"{2 * length} hexadecimal digits");
    }

    private static ushort? Number(JsonElement root, string name) =>
        !root.TryGetProperty(name, out JsonElement value) ? null : value.TryGetUInt16(out ushort number) ? number
        : throw Wrong(name, Number16);

    private static bool Flag(JsonElement root, string name, bool otherwise) => root.TryGetProperty(name, out JsonElement value)
        ? value.GetBoolean() : otherwise;

    private static AttestationException Wrong(string member, string expected) => new($"its member '{member}' is not {expected}");
}
