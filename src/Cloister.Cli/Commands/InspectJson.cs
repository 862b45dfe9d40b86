using System.Text.Json;
using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>The JSON form of inspect. docs/reference/formats.md describes it.</summary>
internal static class InspectJson
{
    public static void Print(string file, EnclaveImage image, IReadOnlyList<Inspection> inspections) => JsonOutput.Print(writer =>
    {
        writer.WriteString("file", file);
        writer.WriteString("format", JsonOutput.Name(image.Format));
        writer.WriteString("formatName", image.FormatName);
        writer.WriteNumber("length", image.Source.Length);
        if (image.Code.Count > 0)
        {
            writer.WriteNumber("encluCount", EncluSearch.Count(image));
        }
        else
        {
            writer.WriteNull("encluCount");
        }

        Details(writer, image.Details);
        writer.WriteStartArray("imports");
        foreach (string name in image.Imports)
        {
            writer.WriteStringValue(name);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("variants");
        foreach (Inspection inspection in inspections)
        {
            writer.WriteStartObject();
            Variant(writer, inspection);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static void Variant(Utf8JsonWriter writer, Inspection inspection)
    {
        EnclaveVariant variant = inspection.Variant;
        writer.WriteString("variant", variant.Name);
        writer.WriteNumber("size", variant.Size);
        writer.WriteNumber("ssaFrameSize", variant.SsaFrameSize);
        if (variant.Attributes is { } asked)
        {
            writer.WriteString("attributes", $"0x{(ulong)asked.Flags:x}");
            writer.WriteString("xfrm", $"0x{asked.Xfrm:x}");
        }

        Sigstruct(writer, variant);
        Details(writer, variant.Details);
        Pages(writer, inspection.Map, variant);
        writer.WriteStartArray("findings");
        foreach (Finding finding in inspection.Findings)
        {
            writer.WriteStartObject();
            writer.WriteString("code", finding.Code);
            writer.WriteString("text", finding.Text);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Sigstruct(Utf8JsonWriter writer, EnclaveVariant variant)
    {
        if (variant.Sigstruct is not { } sigstruct)
        {
            writer.WriteNull("sigstruct");
            return;
        }

        writer.WriteStartObject("sigstruct");
        JsonOutput.Text(writer, "path", variant.SigstructPath);
        writer.WriteNumber("offset", variant.SigstructOffset ?? 0);
        writer.WriteString("mrenclave", SigstructText.Enclavehash(in sigstruct));
        writer.WriteString("mrsigner", SigstructText.Mrsigner(in sigstruct));
        JsonOutput.Text(writer, "date", SigstructText.ReadDate(sigstruct.Date, out bool swapped) is { } day ? $"{day:yyyy-MM-dd}" : null);
        writer.WriteBoolean("dateSwapped", swapped);
        writer.WriteStartArray("fields");
        foreach (SigstructField field in SigstructText.Fields(in sigstruct))
        {
            writer.WriteStartObject();
            writer.WriteString("name", field.Name);
            writer.WriteNumber("offset", field.Offset);
            writer.WriteNumber("size", field.Size);
            writer.WriteString("value", field.Value);
            JsonOutput.Text(writer, "meaning", field.Meaning);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Pages(Utf8JsonWriter writer, PageMap? map, EnclaveVariant variant)
    {
        if (map is null)
        {
            writer.WriteNull("pages");
            writer.WriteString("pagesMissing", variant.PagesMissing);
            return;
        }

        writer.WriteStartObject("pages");
        writer.WriteNumber("count", map.Pages);
        writer.WriteNumber("measured", map.MeasuredPages);
        writer.WriteBoolean("cut", map.IsCut);
        writer.WriteStartArray("tcs");
        foreach (ulong offset in map.Tcs)
        {
            writer.WriteNumberValue(offset);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("runs");
        foreach (PageRun run in map.Runs)
        {
            writer.WriteStartObject();
            writer.WriteString("name", run.Name);
            writer.WriteNumber("offset", run.Offset);
            writer.WriteNumber("count", run.Count);
            writer.WriteString("type", PageText.Of(run.Flags).Split(' ')[0]);
            writer.WriteString("permissions", PageText.Permissions(run.Flags));
            writer.WriteNumber("measuredChunks", run.MeasuredChunks.Length);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Details(Utf8JsonWriter writer, IReadOnlyList<Detail> details)
    {
        writer.WriteStartArray("details");
        foreach (Detail detail in details)
        {
            writer.WriteStartObject();
            writer.WriteString("name", detail.Name);
            writer.WriteString("value", detail.Value);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
