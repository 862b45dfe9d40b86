using System.CommandLine;
using System.Text.Json;
using Cloister.Architecture;
using Cloister.Images;
using Cloister.Images.Comparing;

namespace Cloister.Cli.Commands;

/// <summary>cloister diff A B: why two enclaves have another MRENCLAVE, page by page, section by section, symbol by symbol.</summary>
internal static class DiffCommand
{
    private const int Shown = 20;

    /// <summary>The command, for the root command.</summary>
    public static Command Create()
    {
        var options = new ImageOptions();
        var second = new Argument<FileInfo>("OTHER") { Description = "The enclave file to compare with." };
        var all = new Option<bool>("--all") { Description = $"Show all that differs, not the first {Shown} of each kind." };
        var command = new Command("diff", "Say why two enclaves have another MRENCLAVE: pages, sections, symbols, SIGSTRUCT.");
        options.AddTo(command);
        command.Arguments.Add(second);
        command.Options.Add(all);
        command.Options.Add(new OutputOption());
        command.SetAction((parsed, cancellation) => Task.FromResult(Failing.Guard(parsed.GetValue(options.File)!.ToString(), () =>
        {
            FileInfo other = parsed.GetValue(second)!;
            using EnclaveImage image = options.Open(parsed);
            EnclaveImage? opened = null;
            int status = Failing.Guard(other.ToString(), () =>
            {
                opened = options.Open(parsed, other);
                return 0;
            });
            if (opened is null)
            {
                return status;
            }

            using EnclaveImage otherImage = opened;
            EnclaveVariant variant = options.Choose(parsed, image), otherVariant = options.Choose(parsed, otherImage);
            EnclaveDiff diff = EnclaveDiff.Of(image, variant, otherImage, otherVariant, cancellation);
            string[] names = [parsed.GetValue(options.File)!.ToString(), other.ToString()];
            if (parsed.GetValue(options.Json))
            {
                JsonOutput.Print(writer => Write(writer, names, diff));
            }
            else if (parsed.GetValue(options.Quiet))
            {
                Console.WriteLine(diff.IsSame ? "same" : diff.First is null ? "unmeasured" : "measured");
            }
            else
            {
                Print(names, diff, parsed.GetValue(all) ? int.MaxValue : Shown);
            }

            return diff.IsSame ? 0 : Failing.Failed;
        })));
        return command;
    }

    private static void Print(string[] names, EnclaveDiff diff, int shown)
    {
        Console.WriteLine($"A is {names[0]}");
        Console.WriteLine($"B is {names[1]}");
        Console.WriteLine(diff switch
        {
            { IsSame: true } => "Nothing differs.",
            { First: null } => "Both have one MRENCLAVE; what differs is not measured.",
            { First.Offset: { } at } =>
                $"MRENCLAVE differs, first by page 0x{at:x}: {diff.First.What}: A {diff.First.First}, B {diff.First.Second}",
            _ => $"MRENCLAVE differs, first by ECREATE: {diff.First!.What}: A {diff.First.First}, B {diff.First.Second}",
        });
        Section("pages", diff.Pages, shown, page =>
        {
            string where = page.Count == 1 ? $"0x{page.Offset:x}"
                : $"0x{page.Offset:x} to 0x{page.Offset + (page.Count * LinearAddress.PageSize):x} ({page.Count})";
            string name = page.FirstName == page.SecondName || page.SecondName.Length == 0 ? page.FirstName
                : page.FirstName.Length == 0 ? page.SecondName : $"{page.FirstName}, {page.SecondName}";
            string what = page.What == "content" ? $"{page.Bytes} bytes, first at 0x{page.At:x}: A {page.First}, B {page.Second}"
                : page.What.StartsWith("only", StringComparison.Ordinal)
                ? $"only in {(page.FirstName.Length > 0 ? "A" : "B")}: {(page.FirstName.Length > 0 ? page.First : page.Second)}"
                : $"{page.What}: A {page.First}, B {page.Second}";
            return $"{where} {name}{(page.Section is { } section ? $" {section}" : "")}: {what}{(page.IsMeasured ? "" : " (not measured)")}";
        });
        if (diff.IsCut)
        {
            Console.WriteLine("  and more that were not kept");
        }

        Section("sections", diff.Sections, shown, Named);
        Section("symbols", diff.Symbols, shown, Named);
        Section("SIGSTRUCT", diff.Sigstruct, shown, Named);
    }

    private static string Named(NamedDifference difference) => difference.First == difference.Second
        ? $"{difference.Name}: {difference.First}" : $"{difference.Name}: A {difference.First}, B {difference.Second}";

    private static void Section<T>(string title, IReadOnlyList<T> differences, int shown, Func<T, string> line)
    {
        if (differences.Count == 0)
        {
            return;
        }

        Console.WriteLine($"{title}:");
        foreach (T difference in differences.Take(shown))
        {
            Console.WriteLine($"  {line(difference)}");
        }

        if (differences.Count > shown)
        {
            Console.WriteLine($"  and {differences.Count - shown} more (--all)");
        }
    }

    private static void Write(Utf8JsonWriter writer, string[] names, EnclaveDiff diff)
    {
        writer.WriteString("file", names[0]);
        writer.WriteString("other", names[1]);
        writer.WriteBoolean("same", diff.IsSame);
        writer.WriteBoolean("sameMrenclave", diff.First is null);
        if (diff.First is { } first)
        {
            JsonOutput.Difference(writer, first);
        }
        else
        {
            writer.WriteNull("difference");
        }

        writer.WriteStartArray("pages");
        foreach (PageDifference page in diff.Pages)
        {
            writer.WriteStartObject();
            writer.WriteNumber("offset", page.Offset);
            writer.WriteNumber("count", page.Count);
            writer.WriteString("what", page.What);
            writer.WriteString("firstName", page.FirstName);
            writer.WriteString("secondName", page.SecondName);
            writer.WriteString("first", page.First);
            writer.WriteString("second", page.Second);
            writer.WriteBoolean("measured", page.IsMeasured);
            writer.WriteNumber("bytes", page.Bytes);
            JsonOutput.Text(writer, "section", page.Section);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteBoolean("cut", diff.IsCut);
        Write(writer, "sections", diff.Sections);
        Write(writer, "symbols", diff.Symbols);
        Write(writer, "sigstruct", diff.Sigstruct);
    }

    private static void Write(Utf8JsonWriter writer, string name, IReadOnlyList<NamedDifference> differences)
    {
        writer.WriteStartArray(name);
        foreach (NamedDifference difference in differences)
        {
            writer.WriteStartObject();
            writer.WriteString("name", difference.Name);
            writer.WriteString("first", difference.First);
            writer.WriteString("second", difference.Second);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
