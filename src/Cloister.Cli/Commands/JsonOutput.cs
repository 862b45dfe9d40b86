using System.Text.Encodings.Web;
using System.Text.Json;
using Cloister.Images;
using Cloister.Linux;

namespace Cloister.Cli.Commands;

/// <summary>JSON on the output stream: one object, its first member the schema's version.</summary>
internal static class JsonOutput
{
    private const int SchemaVersion = 1;

    public static void Print(Action<Utf8JsonWriter> members, bool indented = true)
    {
        Stream output = StandardStream.Output;
        using (var writer = new Utf8JsonWriter(output, new JsonWriterOptions
        {
            Indented = indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("schema", SchemaVersion);
            members(writer);
            writer.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
    }

    public static void Text(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is null)
        {
            writer.WriteNull(name);
        }
        else
        {
            writer.WriteString(name, value);
        }
    }

    public static void Flag(Utf8JsonWriter writer, string name, bool? value)
    {
        if (value is { } flag)
        {
            writer.WriteBoolean(name, flag);
        }
        else
        {
            writer.WriteNull(name);
        }
    }

    /// <summary>Where two enclaves part, as the member <c>difference</c>.</summary>
    public static void Difference(Utf8JsonWriter writer, EnclaveDifference difference)
    {
        writer.WriteStartObject("difference");
        Text(writer, "offset", difference.Offset is { } at ? $"0x{at:x}" : null);
        writer.WriteString("what", difference.What);
        writer.WriteString("first", difference.First);
        writer.WriteString("second", difference.Second);
        writer.WriteEndObject();
    }

    /// <summary>A format's name in JSON: stable, unlike the type's.</summary>
    public static string Name(ImageFormat format) => format switch
    {
        ImageFormat.Sigstruct => "sigstruct",
        ImageFormat.IntelSdkElf => "intel-sdk-elf",
        ImageFormat.IntelSdkPe => "intel-sdk-pe",
        ImageFormat.OpenEnclave => "open-enclave",
        ImageFormat.Sgxs => "sgxs",
        ImageFormat.Gramine => "gramine",
        ImageFormat.PlainElf => "plain-elf",
        ImageFormat.Einittoken => "einittoken",
        _ => throw new ArgumentOutOfRangeException(nameof(format)),
    };
}
