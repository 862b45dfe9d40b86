using System.Diagnostics;
using Cloister.Cli.Containers;
using Cloister.Cli.Kubernetes;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Kubernetes;

public sealed class NodeInstallationTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Folder => Path.Combine(_directory.Path, "opt", "cloister");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void It_is_the_program_by_its_own_libraries_and_goes_as_it_came()
    {
        string linker = _directory.WriteProgram("ld-linux-x86-64.so.2", "#!/bin/sh\necho linker \"$@\"\n"u8);
        string program = _directory.WriteProgram("cloister", "program"u8), library = _directory.WriteProgram("libc.so.6", "library"u8);
        var undo = new Stack<Action>();
        ProgramFiles there = NodeInstallation.Install(Folder, ProgramFiles.Of([linker, library], program), undo);
        Assert.Equal(["cloister", "cloister-oci", "cloister-oci-allocated", "ld-linux-x86-64.so.2", "libc.so.6"], Names());
        Assert.Equal(Path.Combine(Folder, "libc.so.6"), there.Sources["libc.so.6"]);
        Assert.Equal("program", File.ReadAllText(Path.Combine(Folder, "cloister")));
        Assert.Equal($"linker --library-path {Folder} {Folder}/cloister oci create a b\n", Output("cloister-oci", "create", "a b"));
        Assert.Equal($"linker --library-path {Folder} {Folder}/cloister oci --allocated create\n",
            Output("cloister-oci-allocated", "create"));

        // A younger one takes its place, and the older leaves it alone.
        var later = new Stack<Action>();
        _ = NodeInstallation.Install(Folder, ProgramFiles.Of([linker, library], program), later);
        Undo(undo);
        Assert.Equal(5, Names().Length);
        Undo(later);
        Assert.Equal(["cloister-oci", "cloister-oci-allocated"], Names());
        Assert.Equal("other runtime: delete x\n", Output("cloister-oci", "delete", "x"));
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_an_error()
    {
        _ = _directory.Write("opt", "");
        string program = _directory.WriteProgram("cloister", "program"u8), linker = _directory.WriteProgram("ld-linux-x86-64.so.2", ""u8);
        NodeException error =
            Assert.Throws<NodeException>(() => NodeInstallation.Install(Folder, ProgramFiles.Of([linker], program), new Stack<Action>()));
        Assert.StartsWith($"{Folder} cannot be written: ", error.Message, StringComparison.Ordinal);
    }

    private string[] Names() => [.. Directory.GetFiles(Folder).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal)];

    private static void Undo(Stack<Action> undo)
    {
        foreach (Action action in undo)
        {
            action();
        }
    }

    private string Output(string script, params string[] arguments)
    {
        _ = _directory.WriteProgram("runc", "#!/bin/sh\necho other runtime: \"$@\"\n"u8);
        using Process process = Process.Start(new ProcessStartInfo(Path.Combine(Folder, script), arguments)
        {
            RedirectStandardOutput = true,
            Environment = { ["PATH"] = _directory.Path + ":/usr/bin:/bin" },
        })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }
}
