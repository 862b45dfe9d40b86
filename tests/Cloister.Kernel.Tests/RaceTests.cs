using System.Text.RegularExpressions;
using Cloister.Cli.Kernel;
using Cloister.Kernel.Tests.Harness;

namespace Cloister.Kernel.Tests;

/// <summary>What docs/explanation/kernel-races.md says is found, and what cures it.</summary>
public class RaceTests
{
    // "x86/sgx: Resolve EAUG race where losing thread returns SIGBUS" does this.
    private static readonly TreeChange s_augmentRetries = new("encl.c", "sgx_encl_eaug_page", @"if \(ret\)(\s+goto err_out_shrink;)",
        "if (ret == -EBUSY)\n\t\tvmret = VM_FAULT_NOPAGE;\n\tif (ret)$1");

    // And the patch behind it this, with a flag of its own.
    private static readonly TreeChange s_removedIsBusy = new("ioctl.c", "sgx_encl_remove_pages",
        @"mutex_unlock\(&encl->lock\);(\s+sgx_zap_enclave_ptes)",
        "entry->desc |= SGX_ENCL_PAGE_BEING_RECLAIMED;\n\t\tmutex_unlock(&encl->lock);$1");

    // What was seen without the lock is not there any more: once more.
    private static readonly TreeChange s_faultRetries = new("encl.c", "sgx_vma_fault", @"if \(PTR_ERR\(entry\) == -EBUSY\)",
        "if (PTR_ERR(entry) == -EBUSY || !xa_load(&encl->page_array, PFN_DOWN(addr)))");

    private static readonly TreeChange s_referenceComesBack = new("encl.c", "sgx_encl_mm_add", @"if \(ret\) \{",
        "if (ret) {\n\t\tkref_put(&encl->refcount, sgx_encl_release);");

    // c6c2adcba50c taken back.
    private static readonly TreeChange s_secsIsNotLoaded = new("encl.c", "sgx_encl_eaug_page",
        @"epc_page = sgx_encl_load_secs\(encl\);\s+if \(IS_ERR\(epc_page\)\) \{[\s\S]*?goto err_out_unlock;\s+\}", "");

    [KernelTheory]
    [InlineData("6.12")]
    [InlineData("6.1")]
    public void Both_releases_have_the_races_that_the_document_names(string version)
    {
        string program = Program(version);
        Assert.Equal(1, Run(program, out string output, "--brief"));
        Assert.Equal(
            ["fault-fault: SIGBUS", "remove-fault: fault, stale entry", "remove-fault: SIGBUS", "fork-remove: SIGBUS", "fork-remove: fault",
                "allocation: leak"],
            Findings(output));

        // The numbers of the table.
        string document = File.ReadAllText(Path.Combine(KernelSources.Root, "docs/explanation/kernel-races.md"));
        foreach (Match schedules in Regex.Matches(output, @"^([a-z-]+): .*\n  (\d+) schedules", RegexOptions.Multiline))
        {
            Assert.Matches($@"\| `{schedules.Groups[1].Value}`[^|]*\| {int.Parse(schedules.Groups[2].Value, null):N0} \|", document);
        }

        foreach (Match schedule in Regex.Matches(document, @"`([a-z]+-[a-z]+:[0-9][^`]*|allocation:\d+)`"))
        {
            Assert.Equal(1, Run(program, out _, "--replay", schedule.Groups[1].Value));
        }
    }

    [KernelFact]
    public void A_schedule_does_the_same_each_time_and_tells_it_in_the_kernels_words()
    {
        string program = Program("6.12");
        Run(program, out string first, "--scenario", "remove-fault", "--random", "7");
        Run(program, out string second, "--scenario", "remove-fault", "--random", "7");
        Assert.Equal(first, second);
        string schedule = Regex.Match(first, @"FINDING SIGBUS in \d+: (\S+)").Groups[1].Value;
        for (int time = 0; time < 20; time++)
        {
            Assert.Equal(1, Run(program, out string told, "--replay", schedule));
            Assert.Contains("toucher SIGBUS", told, StringComparison.Ordinal);
            Assert.Matches(@"toucher   sgx_vma_fault \(encl\.c:\d+\) mutex_lock", told);
        }

        Assert.Equal(64, Run(program, out string complaint, "--replay", "remove-fault:3=nobody"));
        Assert.Contains("is no schedule", complaint, StringComparison.Ordinal);
    }

    [KernelFact]
    public void What_was_posted_cures_two_of_them_and_a_retry_the_third()
    {
        string posted = Program("6.12", s_augmentRetries, s_removedIsBusy);
        Run(posted, out string output, "--brief");
        Assert.Equal(["remove-fault: SIGBUS", "fork-remove: SIGBUS", "allocation: leak"], Findings(output));
        Assert.Equal(0,
            Run(Program("6.12", s_augmentRetries, s_removedIsBusy, s_faultRetries, s_referenceComesBack), out output, "--brief"));
        Assert.Empty(Findings(output));
    }

    [KernelFact]
    public void A_race_that_was_mended_is_found_when_the_mending_is_taken_back()
    {
        Run(Program("6.12", s_secsIsNotLoaded), out string output, "--scenario", "eaug-ksgxd", "--bound", "0");
        Assert.Equal(["eaug-ksgxd: crash"], Findings(output));
    }

    [KernelFact]
    public void Accesses_to_memory_can_be_switch_points_too()
    {
        string program = Path.Combine(KernelSources.Scratch, "accesses");
        DriverBuild.Races(KernelSources.Tree("6.12"), program, accesses: true);
        Run(program, out string output, "--scenario", "fault-fault", "--bound", "1");
        Assert.Equal(["fault-fault: SIGBUS"], Findings(output));
        Assert.Matches(@"sgx_vma_fault .*\(encl\.c:\d+\) reads", output);
    }

    private static string Program(string version, params TreeChange[] changes)
    {
        string program = Path.Combine(KernelSources.Scratch, $"{Guid.NewGuid():n}");
        DriverBuild.Races(KernelSources.Changed(version, changes), program, accesses: false);
        return program;
    }

    private static int Run(string program, out string output, params string[] arguments) =>
        Tool.Run(program, arguments, "/", out output)!.Value;

    private static string[] Findings(string output)
    {
        var findings = new List<string>();
        string scenario = "";
        foreach (string line in output.Split('\n'))
        {
            scenario = Regex.Match(line, @"^([a-z-]+): ") is { Success: true } head ? head.Groups[1].Value : scenario;
            if (Regex.Match(line, @"^  FINDING (.*) in \d+:") is { Success: true } finding)
            {
                findings.Add($"{scenario}: {finding.Groups[1].Value}");
            }
        }

        return [.. findings];
    }
}
