using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json;
using Cloister.Architecture;
using Cloister.Images;
using Cloister.Linux;

namespace Cloister.Cli.Commands;

/// <summary>cloister measure FILE: MRENCLAVE, recomputed.</summary>
internal static class MeasureCommand
{
    /// <summary>The command, for the root command.</summary>
    public static Command Create()
    {
        var options = new ImageOptions();
        var trace = new Option<bool>("--trace") { Description = "List each measured operation." };
        var against = new Option<FileInfo?>("--against")
        {
            HelpName = "FILE",
            Description = "Find the first page at which this enclave and another part.",
        };
        var command = new Command("measure", "Recompute an enclave's MRENCLAVE, page by page.");
        options.AddTo(command);
        command.Options.Add(new OutputOption());
        command.Options.Add(trace);
        command.Options.Add(against);
        command.SetAction((parsed, cancellation) => Task.FromResult(Failing.Guard(parsed.GetValue(options.File)!.ToString(), () =>
        {
            using EnclaveImage image = options.Open(parsed);
            EnclaveVariant variant = options.Choose(parsed, image);
            return parsed.GetValue(against) is { } other
                ? Compare(parsed, options, image, variant, other, cancellation)
                : Measure(parsed, options, image, variant, parsed.GetValue(trace), cancellation);
        })));
        return command;
    }

    private static int Measure(ParseResult parsed, ImageOptions options, EnclaveImage image, EnclaveVariant variant, bool trace,
        CancellationToken cancellation)
    {
        bool quiet = parsed.GetValue(options.Quiet);
        bool json = parsed.GetValue(options.Json);
        using TextWriter? lines = trace ? new StreamWriter(StandardStream.Output, bufferSize: 1 << 16) : null;
        MeasureResult result;
        using (var progress = new PageProgress(variant, quiet || trace))
        {
            result = EnclaveMeasurer.Measure(image, variant, lines is null ? null : new TraceWriter(lines, json), progress, cancellation);
        }

        lines?.Flush();
        string? signed = variant.Sigstruct is { } sigstruct ? SigstructText.Enclavehash(in sigstruct) : null;
        if (json)
        {
            JsonOutput.Print(writer =>
            {
                writer.WriteString("file", parsed.GetValue(options.File)!.ToString());
                writer.WriteString("format", JsonOutput.Name(image.Format));
                writer.WriteString("variant", variant.Name);
                writer.WriteString("mrenclave", result.Text);
                JsonOutput.Text(writer, "enclavehash", signed);
                JsonOutput.Flag(writer, "matches", signed is null ? null : signed == result.Text);
                writer.WriteNumber("size", variant.Size);
                writer.WriteNumber("ssaFrameSize", variant.SsaFrameSize);
                writer.WriteNumber("pages", result.Pages);
                writer.WriteNumber("measuredChunks", result.MeasuredChunks);
                writer.WriteNumber("hashedBytes", result.HashedBytes);
            }, indented: !trace);
        }
        else if (quiet)
        {
            Console.WriteLine(result.Text);
        }
        else
        {
            Console.WriteLine($"MRENCLAVE    {result.Text}");
            Console.WriteLine(
                $"measured     {result.Pages} pages, {result.MeasuredChunks} chunks of 256 bytes ({image.FormatName}, {variant.Name})");
            Console.WriteLine(signed switch
            {
                null => "SIGSTRUCT    none to compare with",
                _ when signed == result.Text => "SIGSTRUCT    has the same ENCLAVEHASH",
                _ => $"SIGSTRUCT    has another ENCLAVEHASH: {signed}",
            });
            foreach (EnclaveVariant other in image.Variants.Where(one => one != variant))
            {
                Console.WriteLine(
                    $"not measured {other.Name}, another enclave of the file{(other.Sigstruct is { } its ? $", signed as {SigstructText.Enclavehash(in its)}" : "")}");
            }
        }

        return 0;
    }

    private static int Compare(ParseResult parsed, ImageOptions options, EnclaveImage image, EnclaveVariant variant, FileInfo other,
        CancellationToken cancellation)
    {
        using EnclaveImage second = options.Open(parsed, other);
        EnclaveVariant secondVariant = options.Choose(parsed, second);
        EnclaveDifference? difference = EnclaveComparison.Find(image, variant, second, secondVariant, cancellation);
        if (parsed.GetValue(options.Json))
        {
            JsonOutput.Print(writer =>
            {
                writer.WriteString("file", parsed.GetValue(options.File)!.ToString());
                writer.WriteString("against", other.ToString());
                writer.WriteBoolean("same", difference is null);
                if (difference is not null)
                {
                    JsonOutput.Difference(writer, difference);
                }
            });
        }
        else if (parsed.GetValue(options.Quiet))
        {
            Console.WriteLine(difference is null ? "same" : difference.Offset is { } at ? $"0x{at:x}" : "ecreate");
        }
        else if (difference is null)
        {
            Console.WriteLine("The two enclaves have one MRENCLAVE: every measured operation is the same.");
        }
        else
        {
            Console.WriteLine(difference.Offset is { } at ? $"They part at page 0x{at:x} of the enclave: {difference.What}"
                : $"They part at ECREATE: {difference.What}");
            Console.WriteLine($"  {parsed.GetValue(options.File)}: {difference.First}");
            Console.WriteLine($"  {other}: {difference.Second}");
        }

        return difference is null ? 0 : Failing.Failed;
    }

    private sealed class TraceWriter(TextWriter lines, bool json) : IMeasurementTrace
    {
        public void Created(ulong size, uint ssaFrameSize) => lines.WriteLine(json
            ? $"{{\"operation\":\"ECREATE\",\"size\":{size},\"ssaFrameSize\":{ssaFrameSize}}}"
            : $"ECREATE size=0x{size:x} ssaframesize={ssaFrameSize}");

        public void Added(string name, ulong offset, SecinfoFlags flags) => lines.WriteLine(json
            ? $"{{\"operation\":\"EADD\",\"offset\":{offset},\"secinfo\":{(ulong)flags},\"name\":\"{JsonEncodedText.Encode(name)}\"}}"
            : $"EADD    0x{offset:x} {PageText.Of(flags)} {name}");

        public void Extended(ulong offset, ReadOnlySpan<byte> chunk)
        {
            Span<byte> digest = stackalloc byte[32];
            SHA256.HashData(chunk, digest);
            string hex = Convert.ToHexStringLower(digest);
            lines.WriteLine(json ? $"{{\"operation\":\"EEXTEND\",\"offset\":{offset},\"sha256\":\"{hex}\"}}"
                : $"EEXTEND 0x{offset:x} sha256={hex}");
        }
    }
}
