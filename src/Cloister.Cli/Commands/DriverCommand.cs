using System.CommandLine;
using Cloister.Cli.Kernel;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister driver</c>: the Linux kernel's own SGX driver.</summary>
internal static class DriverCommand
{
    public static Command Create() => new("driver", "The Linux kernel's own SGX driver, built from a kernel tree.") { Build() };

    private static Argument<string> Tree() => new("TREE")
    {
        Description = "A kernel tree, or 6.12 or 6.1 for Debian's package linux-source-6.12 or linux-source-6.1.",
        DefaultValueFactory = _ => "6.12",
    };

    /// <summary>Says what is wrong in one line. A signal ends what was started, and what it made goes.</summary>
    public static int Guard(string command, Func<CancellationToken, int> action)
    {
        using var source = new CancellationTokenSource();
        using var interruption = Interruption.Of(source.Cancel);
        try
        {
            return action(source.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or AggregateException { InnerException: OperationCanceledException })
        {
            return Failing.Interrupted;
        }
        catch (KernelProblem problem)
        {
            return Failure.Report($"{command}: {problem.Message}", problem.Status);
        }
        catch (AggregateException all) when (all.InnerExceptions[0] is KernelProblem problem)
        {
            return Failure.Report($"{command}: {problem.Message}", problem.Status);
        }
    }

    private static Command Build()
    {
        Argument<string> tree = Tree();
        var output = new Option<string>("--output", "-o")
        {
            HelpName = "FILE",
            Description = "The shared object to write.",
            DefaultValueFactory = _ => "sgx.so",
        };
        var command = new Command("build", """
            Compile arch/x86/kernel/cpu/sgx of a kernel tree, as it is, into a shared object that drives Cloister's processor.
            Needs gcc. No file of the tree changes; of Debian's package what is needed is unpacked to the user's cache.

            Examples:
              cloister driver build 6.12 -o sgx.so
              cloister driver build ~/linux -o patched.so
            """)
        { tree, output };
        command.SetAction(parsed => Guard("driver build", cancellation =>
        {
            DriverBuild.Library(KernelTree.Find(parsed.GetValue(tree)!, cancellation),
                Path.GetFullPath(parsed.GetValue(output)!), cancellation);
            return 0;
        }));
        return command;
    }
}
