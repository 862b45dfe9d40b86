using System.Text.RegularExpressions;
using Cloister.Cli.Kernel;
using Cloister.Kernel.Tests.Harness;

namespace Cloister.Kernel.Tests;

/// <summary><c>cloister run --driver</c>: real programs on the kernel's own driver, as it is and with mistakes.</summary>
public class RunTests
{
    private const string ReadsArgument = @"if \(copy_from_user\(&init_arg", Before = "$& ";

    private static readonly Lazy<string> s_driver = new(() => KernelSources.Library("6.12"));

    [ProgramTheory]
    [InlineData("6.12", "remove_pages", "64M")]
    [InlineData("6.1", "remove_pages", "64M")]
    [InlineData("6.12", "eaug_flows", "64M")]
    [InlineData("6.12", "guest_epc", "1M")]
    public void Programs_see_the_same_of_both_drivers(string version, string program, string epc)
    {
        string driver = version == "6.12" ? s_driver.Value : KernelSources.Library(version);
        foreach (string engine in new[] { "trap", "fast" })
        {
            string[] options = ["--epc", epc, "--engine", engine, "--stats=text"];
            Assert.Equal((0, ""), Run(out string kernels, program, ["--driver", driver, .. options]));
            Assert.Equal((0, ""), Run(out string ours, program, options));

            // ksgxd makes room ahead; with enough of it nothing is written out.
            string[] words = epc == "64M"
                ? ["epc pages", "pages added", "pages augmented", "pages removed", "pages evicted", "pages loaded", "page faults", "ioctls",
                    "forced exits"]
                : ["pages added", "pages augmented", "pages removed", "ioctls"];
            Assert.Equal(Lines(ours, words), Lines(kernels, words));
        }
    }

    [ProgramFact]
    public void A_program_sees_another_error_number_of_a_changed_driver()
    {
        string driver = KernelSources.Library("6.12", new TreeChange("ioctl.c", "sgx_encl_remove_pages", "ret = -EPERM", "ret = -EROFS"));
        Assert.Equal(1, Run(out string output, "remove_pages", ["--driver", driver]).Status);
        Assert.Matches("removal of a regular page: expected .*, got .*(EROFS|30|0x1e|Read-only)", output);
    }

    [ProgramTheory]
    [InlineData("*(volatile int *)16 = 1;", "BUG: kernel NULL pointer dereference, address: 0000000000000010")]
    [InlineData("(*(void (*volatile *)(void))encl)();", "(BUG: unable to handle|general protection|invalid opcode|BUG: kernel NULL)")]
    [InlineData("BUG_ON(encl);", @"kernel BUG at ioctl\.c:\d+!")]
    [InlineData("mutex_lock(&encl->lock); mutex_lock(&encl->lock);", "recursive mutex_lock")]
    [InlineData("{ void *twice = kmalloc(64, GFP_KERNEL); kfree(twice); kfree(twice); }", "libc aborted")]
    [InlineData("for (volatile int i = 0;; i++) {}", @"watchdog: BUG: soft lockup - CPU#0 stuck for \d+s!")]
    public void A_driver_that_cannot_go_on_ends_with_its_place_and_the_kernels_words(string statement, string words)
    {
        string driver =
            KernelSources.Library("6.12",
                new TreeChange("ioctl.c", "sgx_ioc_enclave_init", ReadsArgument,
                    statement.Replace("$", "$$", StringComparison.Ordinal) + Before));
        Assert.Equal(70, Run(out string output, "remove_pages", ["--driver", driver, "--epc", "16M"]).Status);
        Assert.Matches(
            $@"cloister: run: --driver {Regex.Escape(driver)}: the driver cannot go on: {words}.*, in sgx_ioc_enclave_init \(ioctl\.c:\d+\)\n  called from sgx_ioctl \(ioctl\.c:\d+\)", output);
    }

    /// <summary>docs/explanation/kernel-races.md, 7: no reading of ours but a program on the kernel's code.</summary>
    [ProgramTheory]
    [InlineData("6.12")]
    [InlineData("6.1")]
    public void A_page_that_was_lost_with_the_power_is_NULL_to_the_kernels_driver_and_SIGBUS_with_ours(string version)
    {
        string program = Path.Combine(KernelSources.Scratch, $"{Guid.NewGuid():n}"),
            source = Path.Combine(KernelSources.Root, "tests/Cloister.Kernel.Tests/Programs/lost_pages.c");
        Assert.True(Tool.Run("gcc", ["-o", program, source], "/", out string said) == 0, said);
        string[] options = ["--epc", "1M", "--power-loss", "ioctl=3"];
        Assert.Equal(0, RunFile(out string output, program, options).Status);
        Assert.Equal("SIGBUS\n", output);
        string driver = version == "6.12" ? s_driver.Value : KernelSources.Library(version);
        Assert.Equal(70, RunFile(out output, program, ["--driver", driver, .. options]).Status);
        Assert.Matches(@"BUG: kernel NULL pointer dereference, address: 0000000000000000, in __sgx_encl_eldu \(encl\.c:\d+\)", output);
    }

    [ProgramFact]
    public void A_warning_is_told_once_and_the_program_goes_on()
    {
        string driver = KernelSources.Library("6.12",
            new TreeChange("ioctl.c", "sgx_ioc_enclave_init", ReadsArgument, "WARN_ON(encl->size);" + Before));
        Assert.Equal(0, Run(out string output, "remove_pages", ["--driver", driver, "--epc", "16M"]).Status);
        Assert.Matches(@"^cloister: the driver says: WARN ioctl\.c:\d+: encl->size\n$", output);
    }

    [ProgramFact]
    public void What_is_no_driver_is_refused_in_one_line()
    {
        string folder = Directory.CreateDirectory(Path.Combine(KernelSources.Scratch, $"{Guid.NewGuid():n}")).FullName,
            text = Path.Combine(folder, "text.so"), old = Path.Combine(folder, "old.so");
        File.WriteAllText(text, "no shared object");
        File.WriteAllText(Path.Combine(folder, "old.c"),
            string.Concat(new[] { "start", "stop", "call", "failure", "epc" }.Select(name => $"int linux_{name}(void) {{ return 0; }}\n")));
        File.WriteAllText(Path.Combine(folder, "half.c"), "int linux_start(void) { return 0; }\nint linux_version(void) { return 2; }\n");
        File.WriteAllText(Path.Combine(folder, "unresolved.c"), "extern int nobody; int *linux_start(void) { return &nobody; }\n");
        foreach (string name in new[] { "old", "half", "unresolved" })
        {
            Assert.Equal(0, Tool.Run("gcc", ["-shared", "-fPIC", "-o", $"{name}.so", $"{name}.c"], folder, out string said));
            Assert.Equal("", said);
        }

        // Where the segments still are in the header and no longer in the file.
        string cut = Path.Combine(folder, "cut.so"), pipe = Path.Combine(folder, "pipe.so");
        File.WriteAllBytes(cut, File.ReadAllBytes(s_driver.Value)[..20000]);
        Assert.Equal(0, Tool.Run("mkfifo", [pipe], folder, out _));
        foreach ((string file, int status, string complaint) in new[]
        {
            (Path.Combine(folder, "none.so"), 66, "there is no such file; `cloister driver build 6.12 -o .*` makes one"),
            (folder, 64, "is a folder"),
            (text, 65, "is no shared object"),
            (cut, 65, "is cut off"),
            (pipe, 65, "is not an ordinary file"),
            (Path.Combine(folder, "half.so"), 65, "is not of `cloister driver build`"),
            (Path.Combine(folder, "unresolved.so"), 65, "cannot be loaded: undefined symbol: nobody"),
            ("/lib/x86_64-linux-gnu/libm.so.6", 65, "is not of `cloister driver build`"),
            (old, 65, "was built by another version of Cloister: build it again"),
        })
        {
            Assert.Equal(status, Run(out string output, "remove_pages", ["--driver", file]).Status);
            Assert.Matches($"^cloister: run: --driver {Regex.Escape(file)}: {complaint}.*\n$", output);
        }

        Assert.Equal(64, Run(out string refused, "remove_pages", ["--driver", old, "--inject", "race=eaug"]).Status);
        Assert.StartsWith("cloister: run: --driver and --inject: ", refused, StringComparison.Ordinal);
    }

    private static (int Status, string Complaint) Run(out string output, string program, string[] options) =>
        RunFile(out output, ProgramBuild.Find(program), options);

    private static (int Status, string Complaint) RunFile(out string output, string program, string[] options)
    {
        int status =
            Tool.Run("dotnet", [Path.Combine(AppContext.BaseDirectory, "cloister.dll"), "run", "--no-defaults", .. options, "--", program],
                "/", out output)!.Value;
        return (status, status == 0 ? "" : output);
    }

    private static string[] Lines(string statistics, string[] words) =>
        [.. statistics.Split('\n').Where(line => words.Any(word => line.StartsWith(word, StringComparison.Ordinal)))];
}
