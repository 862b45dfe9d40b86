using System.CommandLine;
using System.Text.Json;
using Cloister.Cli.Explaining;
using Cloister.Cli.Looking;
using Cloister.Linux;

namespace Cloister.Cli.Commands;

/// <summary>cloister maps PID [ADDRESS]: the address spaces of a run's enclaves.</summary>
internal static class MapsCommand
{
    // Each is searched for in files.
    private const int MostNamed = 64;

    public static Command Create()
    {
        Argument<int> process = LookOptions.Process();
        var address = new Argument<string?>("ADDRESS")
        {
            Description = "One page only, by an address in it: 0x...",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var file = new Option<FileInfo?>("--file")
        {
            HelpName = "FILE",
            Description = "The enclave's ELF file, to name its code by. Files that the program has mapped are looked into by themselves.",
        };
        Option<bool> json = LookOptions.Json();
        var command = new Command("maps",
            "Show the pages of a run's enclaves: types, permissions, what is mapped, what is written out, whose code it is.")
        { process, address, file, json };
        command.Options.Add(new OutputOption());
        command.SetAction(parsed => LookOptions.Guard(() =>
        {
            int pid = parsed.GetValue(process);
            ulong value = 0;
            if (parsed.GetValue(address) is { } text && !LookRequest.TryParseAddress(text, out value))
            {
                return Failure.Report($"maps: '{text}' is no address: 0x and hexadecimal digits", Failure.Usage);
            }

            ulong? at = parsed.GetValue(address) is null ? null : value;
            using JsonDocument answer = LookClient.Ask(pid, new LookRequest(LookVerb.Maps, at));
            MapsLook look = answer.Deserialize(LookJson.Default.MapsLook)!;
            if (pid != look.Pid && look.Enclaves.Any(one => one.Process == pid))
            {
                look = look with { Enclaves = [.. look.Enclaves.Where(one => one.Process == pid)] };
            }

            using var names = new CodeFiles();
            foreach (string known in look.Files.Prepend(parsed.GetValue(file)?.FullName).OfType<string>())
            {
                names.Note(known);
            }

            look = look with { Enclaves = [.. look.Enclaves.Select(one => one with { Rows = Named(names, one, at) })] };
            if (parsed.GetValue(json))
            {
                using JsonDocument named = JsonDocument.Parse(LookJson.Bytes(look));
                LookOptions.Print(named.RootElement);
            }
            else
            {
                Print(look);
            }

            return at is not null && look.Enclaves.Count == 0
                ? Failure.Report($"maps: no enclave of process {pid} has 0x{at:x}", Failing.Failed) : 0;
        }));
        return command;
    }

    private static List<PagesLook> Named(CodeFiles names, MappedEnclaveLook enclave, ulong? at)
    {
        string[] mapped = [.. MapsLine.FilesOf(enclave.Process)];
        int left = MostNamed;
        return [.. enclave.Rows.Select(
            row => row.Code is { } code && left-- > 0
                && names.NameOf(Convert.FromHexString(code), row.CodeOffset, (int)((at ?? 0) & 0xfff), mapped) is { } name ? row with
                {
                    Name = name,
                } : row)];
    }

    private static void Print(MapsLook look)
    {
        foreach (MappedEnclaveLook one in look.Enclaves)
        {
            Console.WriteLine($"process {one.Process}, {PsCommand.Line(one.Enclave)}");
            if (one.Rows.Count > 0)
            {
                LookOptions.Print(
                    [["START", "END", "PAGES", "TYPE", "EPCM", "MAPPED", "WHERE", "STATE", "CODE"], .. one.Rows.Select(Cells)], indent: 2);
            }
        }

        if (look.Cut)
        {
            Console.WriteLine("and more that were left out");
        }
    }

    private static string[] Cells(PagesLook row) =>
    [
        PrintableText.Of(row.Start),
        PrintableText.Of(row.End),
        $"{row.Pages}",
        PrintableText.Of(row.Type ?? "-"),
        PrintableText.Of(row.Permissions ?? "-"),
        PrintableText.Of(row.Mapping ?? "-"),
        PrintableText.Of(row.Where),
        PrintableText.Of(string.Join(' ', row.State)),
        PrintableText.Of(row.Name ?? ""),
    ];
}
