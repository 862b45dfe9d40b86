using System.CommandLine;
using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>cloister inspect FILE: everything a file says.</summary>
internal static class InspectCommand
{
    private const int MaximumRuns = 65536;

    /// <summary>The command, for the root command.</summary>
    public static Command Create()
    {
        var options = new ImageOptions();
        var all = new Option<bool>("--all", "--verbose", "-v") { Description = "List every run of pages and every byte of the keys." };
        var command = new Command("inspect",
            "Show what an enclave file says: format, SIGSTRUCT, pages, threads, and what a reviewer would raise.");
        options.AddTo(command);
        command.Options.Add(new OutputOption());
        command.Options.Add(all);
        command.SetAction(parsed => Failing.Guard(parsed.GetValue(options.File)!.ToString(), () =>
        {
            using EnclaveImage image = options.Open(parsed);
            IReadOnlyList<EnclaveVariant> variants = parsed.GetValue(options.Variant) is null ? image.Variants
                : [options.Choose(parsed, image)];
            List<Inspection> inspections = [.. variants.Select(variant => Inspection.Of(image, variant, MaximumRuns))];
            if (parsed.GetValue(options.Json))
            {
                InspectJson.Print(parsed.GetValue(options.File)!.ToString(), image, inspections);
            }
            else if (parsed.GetValue(options.Quiet))
            {
                Console.WriteLine(JsonOutput.Name(image.Format));
            }
            else
            {
                InspectText.Print(image, inspections, parsed.GetValue(all));
            }

            return 0;
        }));
        return command;
    }
}

/// <summary>One enclave of a file with its pages and what is to be raised.</summary>
internal sealed record Inspection(EnclaveVariant Variant, PageMap? Map, IReadOnlyList<Finding> Findings)
{
    public static Inspection Of(EnclaveImage image, EnclaveVariant variant, int maximumRuns)
    {
        PageMap? map = variant.Pages is null ? null : PageMap.Read(image, variant, maximumRuns);
        return new Inspection(variant, map, EnclaveReview.Run(image, variant, map));
    }
}
