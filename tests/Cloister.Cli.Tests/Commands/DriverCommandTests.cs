using Cloister.Cli.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Cli.Tests.Commands;

/// <summary>Building a driver, with a tree of the test's own: a few lines where the kernel has thousands.</summary>
public sealed class DriverCommandTests : IDisposable
{
    private const string Sources = "arch/x86/kernel/cpu/sgx";

    // Numbers and structures that ENCLS needs; each value is the SDM's.
    private const string Header = """
        #pragma once
        #include <linux/types.h>
        enum { ECREATE, EADD, EINIT, EREMOVE, EDGBRD, EDGBWR, EEXTEND, ELDU = 8, EBLOCK, EPA, EWB, ETRACK, EAUG, EMODPR, EMODT };
        #define SGX_ENCLS_FAULT_FLAG 0x40000000
        #define SGX_PAGE_TYPE_VA 3
        struct sgx_pageinfo { u64 addr, contents, metadata, secs; };
        struct sgx_secinfo { u64 flags; };

        """;

    private const string Driver = """
        #include <linux/mutex.h>
        #include <linux/slab.h>
        #include "sgx.h"
        static DEFINE_MUTEX(lock);
        static int __init start(void)
        {
            mutex_lock(&lock);
            kfree(kzalloc(16, GFP_KERNEL));
            mutex_unlock(&lock);
            return __eremove((void *)0);
        }
        int arch_memory_failure(unsigned long frame, int flags);
        int arch_memory_failure(unsigned long frame, int flags)
        {
            return frame != 0 && flags != 0;
        }
        device_initcall(start);

        """;

    private readonly TemporaryDirectory _directory = new();
    private readonly string _tree;

    public DriverCommandTests()
    {
        _tree = Path.Combine(_directory.Path, "a tree");
        Write("arch/x86/include/asm/sgx.h", Header);
        Write("arch/x86/include/uapi/asm/sgx.h", "");
        Write($"{Sources}/sgx.h", "#include <asm/sgx.h>\n");
        Write($"{Sources}/main.c", Driver);
    }

    public void Dispose() => _directory.Dispose();

    [CompilerFact]
    public void A_driver_becomes_a_shared_object_and_its_tree_stays_as_it_is()
    {
        string before = State();
        string output = Path.Combine(_directory.Path, "sgx.so");
        Assert.Equal(new CloisterProcess.Outcome(0, "", ""), Build("-o", output));
        Assert.Equal([0x7f, (byte)'E', (byte)'L', (byte)'F'], File.ReadAllBytes(output)[..4]);
        Assert.Equal(before, State());

        // Once more over what is there.
        Assert.Equal(0, Build("-o", output).Status);
    }

    [CompilerFact]
    public void What_the_driver_calls_and_is_not_there_is_named_in_one_line()
    {
        Write($"{Sources}/main.c",
            Driver.Replace("mutex_lock(&lock);",
                "mutex_lock(&lock); mutex_dance(&lock); lock.colour = MUTEX_BLUE; struct dancer *one = kmalloc(sizeof(*one), 0);",
                StringComparison.Ordinal));
        CloisterProcess.Outcome outcome = Build();
        Assert.Equal(
            (Failure.NotRunnable,
                "cloister: driver build: this driver uses of the kernel what Cloister's does not have: MUTEX_BLUE, dancer, mutex.colour, mutex_dance\n"), (outcome.Status, outcome.Error));
    }

    [CompilerFact]
    public void A_function_that_only_the_linker_misses_is_named_as_well()
    {
        Write($"{Sources}/main.c",
            Driver.Replace("device_initcall",
                "extern int elsewhere(void);\nint here(void);\nint here(void) { return elsewhere(); }\ndevice_initcall",
                StringComparison.Ordinal));
        Assert.Equal("cloister: driver build: this driver uses of the kernel what Cloister's does not have: elsewhere\n", Build().Error);
    }

    [CompilerFact]
    public void A_warning_is_an_error()
    {
        Write($"{Sources}/main.c",
            Driver.Replace("return __eremove((void *)0);", "int number; return __eremove((void *)0) + number;", StringComparison.Ordinal));
        CloisterProcess.Outcome outcome = Build();
        Assert.Equal(Failure.NotRunnable, outcome.Status);
        Assert.Matches(@"^cloister: driver build: gcc: .*main\.c:\d+:\d+: error: 'number' is used uninitialized .*\n$", outcome.Error);
    }

    [CompilerFact]
    public void A_signal_ends_the_compiler_and_leaves_nothing()
    {
        // gcc waits for somebody to write.
        string temporary = Directory.CreateDirectory(Path.Combine(_directory.Path, "temporary")).FullName,
            fifo = Path.Combine(_directory.Path, "fifo");
        using (var make = System.Diagnostics.Process.Start("mkfifo", fifo))
        {
            make.WaitForExit();
        }

        Write($"{Sources}/main.c", $"#include \"{fifo}\"\n");
        foreach (int signal in new[] { Signal.SIGINT, Signal.SIGTERM })
        {
            using var process = CloisterProcess.StartUnder([], ["driver", "build", _tree, "-o", Path.Combine(_directory.Path, "sgx.so")],
                start => start.Environment["TMPDIR"] = temporary);
            Assert.True(
                Patience.Until(
                    milliseconds =>
                        SpinWait.SpinUntil(() => Directory.GetDirectories(temporary, "cloister-driver-*").Length > 0, milliseconds), 60));
            process.Signal(signal);
            Assert.Equal(new CloisterProcess.Outcome(130, "", ""), process.AwaitEnd());
            Assert.Empty(Directory.GetFileSystemEntries(temporary));
        }
    }

    [Theory]
    [InlineData("/nowhere", Failure.NotFound, "there is no folder /nowhere; write a kernel tree, or 6.12 or 6.1")]
    [InlineData("/proc", Failure.NotFound, "/proc is no kernel tree with an SGX driver: there is no arch/x86/kernel/cpu/sgx/main.c")]
    [InlineData("9.99", Failure.Unavailable, "Debian's package linux-source-9.99 is not installed: `apt-get install linux-source-9.99`")]
    public void A_tree_that_is_not_there_is_told(string tree, int status, string words)
    {
        foreach (string[] command in (string[][])[["driver", "build", tree], ["races", "--tree", tree]])
        {
            CloisterProcess.Outcome outcome = CloisterProcess.Run(command);
            Assert.Equal(status, outcome.Status);
            Assert.StartsWith($"cloister: {string.Join(' ', command.TakeWhile(word => word is "driver" or "build" or "races"))}: {words}",
                outcome.Error, StringComparison.Ordinal);
            Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        }
    }

    [Fact]
    public void Without_a_compiler_one_line_names_the_package()
    {
        string programs = Directory.CreateDirectory(Path.Combine(_directory.Path, "bin")).FullName;
        foreach (string program in (string[])["perl", "dotnet"])
        {
            File.CreateSymbolicLink(Path.Combine(programs, program), Find(program));
        }

        CloisterProcess.Outcome outcome =
            CloisterProcess.Run(["driver", "build", _tree], adjust: start => start.Environment["PATH"] = programs);
        Assert.Equal((Failure.Unavailable, "cloister: driver build: gcc is not installed: `apt-get install gcc libc6-dev`\n"),
            (outcome.Status, outcome.Error));
    }

    [CompilerFact]
    public void An_output_that_cannot_be_written_is_told()
    {
        CloisterProcess.Outcome outcome = Build("-o", "/proc/sgx.so");
        Assert.Equal(Failure.InputOutput, outcome.Status);
        Assert.StartsWith("cloister: driver build: /proc/sgx.so: ", outcome.Error, StringComparison.Ordinal);
    }

    [CompilerFact]
    public void A_device_stays_a_device_and_a_full_one_is_told()
    {
        Assert.Equal(0, Build("-o", "/dev/null").Status);
        CloisterProcess.Outcome outcome = Build("-o", "/dev/full");
        Assert.Equal((Failure.InputOutput, "cloister: driver build: /dev/full: cannot be written: no space left on the device\n"),
            (outcome.Status, outcome.Error));
        foreach (string device in new[] { "/dev/null", "/dev/full" })
        {
            Assert.Equal(Errno.None, FileStatus.TryGet(device, out FileStatus status));
            Assert.False(status.IsRegular);
        }
    }

    private CloisterProcess.Outcome Build(params string[] more) =>
        CloisterProcess.Run(["driver", "build", _tree, .. more.Length > 0 ? more : ["-o", Path.Combine(_directory.Path, "out.so")]]);

    private void Write(string name, string text)
    {
        string file = Path.Combine(_tree, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private string State() =>
        string.Join('\n', Directory.GetFileSystemEntries(_tree, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(name => $"{name} {File.GetLastWriteTimeUtc(name).Ticks} {(File.Exists(name) ? File.ReadAllText(name) : "")}"));

    private static string Find(string program) => Environment.GetEnvironmentVariable("PATH")!.Split(':')
        .Select(folder => Path.Combine(folder, program)).First(File.Exists);
}
